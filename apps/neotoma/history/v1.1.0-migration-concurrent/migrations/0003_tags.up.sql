-- migrate: no transaction
-- The index fails on a tag that is there twice. The table stays, and so does the index, invalid.

CREATE TABLE tags (name text NOT NULL);

INSERT INTO tags (name) VALUES ('invoice'), ('receipt'), ('invoice');

CREATE UNIQUE INDEX CONCURRENTLY tags_name ON tags (name);
