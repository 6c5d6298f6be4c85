-- Full-text search over facts, and a title for each document. Expand only: v0.9 goes on serving on this schema.

ALTER TABLE documents ADD COLUMN title text;

ALTER TABLE facts ADD COLUMN words tsvector GENERATED ALWAYS AS (to_tsvector('english', text)) STORED;

CREATE INDEX facts_words ON facts USING gin (words);
