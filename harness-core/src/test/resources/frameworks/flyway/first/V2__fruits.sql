INSERT INTO fruit (name) VALUES ('apple'), ('pear');
