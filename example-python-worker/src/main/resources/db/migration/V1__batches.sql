CREATE TABLE batch (
  id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name  text UNIQUE,
  state text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'SCORED', 'FAILED')),
  error text
);

CREATE TABLE item (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  batch_id   bigint NOT NULL REFERENCES batch,
  position   integer NOT NULL,
  text       text NOT NULL,
  label      text,
  confidence numeric(5, 4),
  UNIQUE (batch_id, position),
  CHECK ((label IS NULL) = (confidence IS NULL))
);

CREATE TABLE audit (
  -- One entry an item, however often its score is delivered.
  item_id bigint PRIMARY KEY REFERENCES item,
  label   text NOT NULL,
  at      timestamptz NOT NULL DEFAULT now()
);
