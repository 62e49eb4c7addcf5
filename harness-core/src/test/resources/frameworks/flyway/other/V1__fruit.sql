CREATE TABLE fruit (code char(3) PRIMARY KEY);

INSERT INTO fruit VALUES ('fig');
