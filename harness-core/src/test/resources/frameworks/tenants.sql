CREATE SCHEMA east;
CREATE SCHEMA west;
CREATE TABLE name (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE east.name (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE west.name (id bigint PRIMARY KEY, name text NOT NULL);
CREATE SEQUENCE name_seq INCREMENT 50;
CREATE SEQUENCE east.name_seq INCREMENT 50;
CREATE SEQUENCE west.name_seq INCREMENT 50;
