-- For tests: which program wrote an entry.
ALTER TABLE audit ADD COLUMN written_by text NOT NULL DEFAULT current_setting('application_name');
