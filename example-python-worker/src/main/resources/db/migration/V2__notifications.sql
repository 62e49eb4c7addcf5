ALTER TABLE batch ADD COLUMN asked_at timestamptz NOT NULL DEFAULT now();

CREATE TABLE notification (
  batch_id bigint PRIMARY KEY REFERENCES batch,
  text     text NOT NULL
);
