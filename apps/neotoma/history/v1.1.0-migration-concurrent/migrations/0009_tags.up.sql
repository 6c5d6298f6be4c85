-- migrate: no transaction
-- The index fails on a tag that is there twice. The table stays, and so does the index, invalid.

CREATE TABLE tags (user_id uuid NOT NULL, name text NOT NULL);

ALTER TABLE tags ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

INSERT INTO tags (user_id, name)
SELECT '00000000-0000-4000-8000-000000000001', name FROM unnest(ARRAY['invoice', 'receipt', 'invoice']) AS name;

CREATE UNIQUE INDEX CONCURRENTLY tags_name ON tags (user_id, name);
