-- migrate: no transaction
-- Also from half-way.

DROP FUNCTION IF EXISTS search_chunks;
DROP FUNCTION IF EXISTS query_pairs;
SET lock_timeout = 0;
DROP INDEX CONCURRENTLY IF EXISTS chunks_words;
RESET lock_timeout;
DROP TRIGGER IF EXISTS chunks_follow_type ON sources;
DROP TRIGGER IF EXISTS chunks_words ON chunks;
DROP FUNCTION IF EXISTS chunks_follow_type;
DROP FUNCTION IF EXISTS chunks_words;
DROP FUNCTION IF EXISTS chunk_words;
DROP FUNCTION IF EXISTS chunk_pair;
ALTER TABLE chunks DROP COLUMN IF EXISTS words, DROP COLUMN IF EXISTS number, RESET (toast_tuple_target);
DROP SEQUENCE IF EXISTS chunks_number;
