ALTER TABLE fruit ADD colour text NOT NULL DEFAULT 'green';
