-- migrate: no transaction
-- The same the other way round, from wherever 0004 or an earlier try of this stopped: what is there already is left or
-- made again. An index whose making was cut off is invalid, and stands in the way of a good one of its name.

DO $$
DECLARE invalid regclass;
BEGIN
  FOR invalid IN SELECT indexrelid FROM pg_index WHERE NOT indisvalid AND indrelid = ANY (ARRAY[
    'sources', 'chunks', 'entities', 'observations', 'relationships']::regclass[]) LOOP
    EXECUTE format('DROP INDEX %s', invalid);
  END LOOP;
END $$;

SET lock_timeout = 0;
SET statement_timeout = 0;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS sources_key_before ON sources (id);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS chunks_key_before ON chunks (source_id, position);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS entities_key_before ON entities (id);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS observations_key_before ON observations (id);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS relationships_key_before ON relationships (id);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS sources_sha256_before ON sources (sha256);
CREATE INDEX CONCURRENTLY IF NOT EXISTS sources_newest ON sources (created_at DESC, id DESC);
CREATE INDEX CONCURRENTLY IF NOT EXISTS entities_by_type ON entities (type, name, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS entities_merged ON entities (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS observations_of_entity ON observations (entity_id, observed_at, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS observations_of_source ON observations (source_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS relationships_from_entity ON relationships (from_id, type);
CREATE INDEX CONCURRENTLY IF NOT EXISTS relationships_to_entity ON relationships (to_id, type);
CREATE INDEX CONCURRENTLY IF NOT EXISTS relationships_of_source ON relationships (source_id);
RESET lock_timeout;
RESET statement_timeout;

DO $$
BEGIN
  LOCK TABLE sources, chunks, entities, observations, relationships IN ACCESS EXCLUSIVE MODE;
  ALTER TABLE chunks DROP CONSTRAINT IF EXISTS chunks_source,
    ADD CONSTRAINT chunks_source FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE NOT VALID;
  ALTER TABLE entities DROP CONSTRAINT IF EXISTS entities_merged_into,
    ADD CONSTRAINT entities_merged_into FOREIGN KEY (merged_into) REFERENCES entities (id) NOT VALID;
  ALTER TABLE observations DROP CONSTRAINT IF EXISTS observations_entity,
    ADD CONSTRAINT observations_entity FOREIGN KEY (entity_id) REFERENCES entities (id) NOT VALID;
  ALTER TABLE observations DROP CONSTRAINT IF EXISTS observations_source,
    ADD CONSTRAINT observations_source FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE NOT VALID;
  ALTER TABLE relationships DROP CONSTRAINT IF EXISTS relationships_from,
    ADD CONSTRAINT relationships_from FOREIGN KEY (from_id) REFERENCES entities (id) NOT VALID;
  ALTER TABLE relationships DROP CONSTRAINT IF EXISTS relationships_to,
    ADD CONSTRAINT relationships_to FOREIGN KEY (to_id) REFERENCES entities (id) NOT VALID;
  ALTER TABLE relationships DROP CONSTRAINT IF EXISTS relationships_source,
    ADD CONSTRAINT relationships_source FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE NOT VALID;
END $$;
SET lock_timeout = 0;
SET statement_timeout = 0;
ALTER TABLE chunks VALIDATE CONSTRAINT chunks_source;
ALTER TABLE entities VALIDATE CONSTRAINT entities_merged_into;
ALTER TABLE observations VALIDATE CONSTRAINT observations_entity;
ALTER TABLE observations VALIDATE CONSTRAINT observations_source;
ALTER TABLE relationships VALIDATE CONSTRAINT relationships_from;
ALTER TABLE relationships VALIDATE CONSTRAINT relationships_to;
ALTER TABLE relationships VALIDATE CONSTRAINT relationships_source;
RESET lock_timeout;
RESET statement_timeout;

DO $$
DECLARE name text;
BEGIN
  LOCK TABLE sources, chunks, entities, observations, relationships IN ACCESS EXCLUSIVE MODE;
  ALTER TABLE chunks DROP CONSTRAINT IF EXISTS chunks_source_of_user;
  ALTER TABLE entities DROP CONSTRAINT IF EXISTS entities_merged_into_of_user;
  ALTER TABLE observations DROP CONSTRAINT IF EXISTS observations_entity_of_user;
  ALTER TABLE observations DROP CONSTRAINT IF EXISTS observations_source_of_user;
  ALTER TABLE relationships DROP CONSTRAINT IF EXISTS relationships_from_of_user;
  ALTER TABLE relationships DROP CONSTRAINT IF EXISTS relationships_to_of_user;
  ALTER TABLE relationships DROP CONSTRAINT IF EXISTS relationships_source_of_user;
  ALTER TABLE relationships DROP CONSTRAINT IF EXISTS relationships_user;
  ALTER TABLE observations DROP CONSTRAINT IF EXISTS observations_user;
  ALTER TABLE chunks DROP CONSTRAINT IF EXISTS chunks_user;
  ALTER TABLE entities DROP CONSTRAINT IF EXISTS entities_user;
  ALTER TABLE sources DROP CONSTRAINT IF EXISTS sources_user;
  FOREACH name IN ARRAY ARRAY['sources', 'chunks', 'entities', 'observations', 'relationships'] LOOP
    IF EXISTS (SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
               WHERE indrelid = name::regclass AND indisprimary AND attname = 'user_id') THEN
      EXECUTE format('ALTER TABLE %1$s DROP CONSTRAINT %1$s_pkey, '
                     'ADD CONSTRAINT %1$s_pkey PRIMARY KEY USING INDEX %1$s_key_before', name);
    END IF;
  END LOOP;
  ALTER TABLE sources DROP CONSTRAINT IF EXISTS sources_sha256_key,
    ADD CONSTRAINT sources_sha256_key UNIQUE USING INDEX sources_sha256_before;
END $$;

SET lock_timeout = 0;
SET statement_timeout = 0;
DROP INDEX CONCURRENTLY IF EXISTS sources_key_before;
DROP INDEX CONCURRENTLY IF EXISTS chunks_key_before;
DROP INDEX CONCURRENTLY IF EXISTS entities_key_before;
DROP INDEX CONCURRENTLY IF EXISTS observations_key_before;
DROP INDEX CONCURRENTLY IF EXISTS relationships_key_before;
DROP INDEX CONCURRENTLY IF EXISTS sources_key;
DROP INDEX CONCURRENTLY IF EXISTS chunks_key;
DROP INDEX CONCURRENTLY IF EXISTS entities_key;
DROP INDEX CONCURRENTLY IF EXISTS observations_key;
DROP INDEX CONCURRENTLY IF EXISTS relationships_key;
DROP INDEX CONCURRENTLY IF EXISTS sources_bytes;
DROP INDEX CONCURRENTLY IF EXISTS sources_newest_of_user;
DROP INDEX CONCURRENTLY IF EXISTS entities_by_type_of_user;
DROP INDEX CONCURRENTLY IF EXISTS entities_merged_of_user;
DROP INDEX CONCURRENTLY IF EXISTS observations_of_entity_of_user;
DROP INDEX CONCURRENTLY IF EXISTS observations_of_source_of_user;
DROP INDEX CONCURRENTLY IF EXISTS relationships_from_of_user;
DROP INDEX CONCURRENTLY IF EXISTS relationships_to_of_user;
DROP INDEX CONCURRENTLY IF EXISTS relationships_of_source_of_user;
RESET lock_timeout;
RESET statement_timeout;
