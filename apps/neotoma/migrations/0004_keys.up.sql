-- migrate: no transaction
-- Every key begins with the user, so that no constraint tells one user what another has. The new keys are built beside
-- the old ones, and nobody waits for that; then all tables change over in one short statement.

SET lock_timeout = 0;
SET statement_timeout = 0;
CREATE UNIQUE INDEX CONCURRENTLY sources_key ON sources (user_id, id);
CREATE UNIQUE INDEX CONCURRENTLY chunks_key ON chunks (user_id, source_id, position);
CREATE UNIQUE INDEX CONCURRENTLY entities_key ON entities (user_id, id);
CREATE UNIQUE INDEX CONCURRENTLY observations_key ON observations (user_id, id);
CREATE UNIQUE INDEX CONCURRENTLY relationships_key ON relationships (user_id, id);
CREATE UNIQUE INDEX CONCURRENTLY sources_bytes ON sources (user_id, sha256);
CREATE INDEX CONCURRENTLY sources_newest_of_user ON sources (user_id, created_at DESC, id DESC);
CREATE INDEX CONCURRENTLY entities_by_type_of_user ON entities (user_id, type, name, id);
CREATE INDEX CONCURRENTLY entities_merged_of_user ON entities (user_id, merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX CONCURRENTLY observations_of_entity_of_user ON observations (user_id, entity_id, observed_at, id);
CREATE INDEX CONCURRENTLY observations_of_source_of_user ON observations (user_id, source_id);
CREATE INDEX CONCURRENTLY relationships_from_of_user ON relationships (user_id, from_id, type);
CREATE INDEX CONCURRENTLY relationships_to_of_user ON relationships (user_id, to_id, type);
CREATE INDEX CONCURRENTLY relationships_of_source_of_user ON relationships (user_id, source_id);
RESET lock_timeout;
RESET statement_timeout;

-- All locks first, in the order in which requests take them: nobody waits for somebody who waits for them.
DO $$
BEGIN
  LOCK TABLE sources, chunks, entities, observations, relationships IN SHARE ROW EXCLUSIVE MODE;
  ALTER TABLE chunks ADD CONSTRAINT chunks_source_of_user FOREIGN KEY (user_id, source_id)
    REFERENCES sources (user_id, id) ON DELETE CASCADE NOT VALID;
  ALTER TABLE entities ADD CONSTRAINT entities_merged_into_of_user FOREIGN KEY (user_id, merged_into)
    REFERENCES entities (user_id, id) NOT VALID;
  ALTER TABLE observations ADD CONSTRAINT observations_entity_of_user FOREIGN KEY (user_id, entity_id)
    REFERENCES entities (user_id, id) NOT VALID;
  ALTER TABLE observations ADD CONSTRAINT observations_source_of_user FOREIGN KEY (user_id, source_id)
    REFERENCES sources (user_id, id) ON DELETE CASCADE NOT VALID;
  ALTER TABLE relationships ADD CONSTRAINT relationships_from_of_user FOREIGN KEY (user_id, from_id)
    REFERENCES entities (user_id, id) NOT VALID;
  ALTER TABLE relationships ADD CONSTRAINT relationships_to_of_user FOREIGN KEY (user_id, to_id)
    REFERENCES entities (user_id, id) NOT VALID;
  ALTER TABLE relationships ADD CONSTRAINT relationships_source_of_user FOREIGN KEY (user_id, source_id)
    REFERENCES sources (user_id, id) ON DELETE CASCADE NOT VALID;
  ALTER TABLE relationships ADD CONSTRAINT relationships_user FOREIGN KEY (user_id)
    REFERENCES users ON DELETE CASCADE NOT VALID;
  ALTER TABLE observations ADD CONSTRAINT observations_user FOREIGN KEY (user_id)
    REFERENCES users ON DELETE CASCADE NOT VALID;
  ALTER TABLE chunks ADD CONSTRAINT chunks_user FOREIGN KEY (user_id)
    REFERENCES users ON DELETE CASCADE NOT VALID;
  ALTER TABLE entities ADD CONSTRAINT entities_user FOREIGN KEY (user_id)
    REFERENCES users ON DELETE CASCADE NOT VALID;
  ALTER TABLE sources ADD CONSTRAINT sources_user FOREIGN KEY (user_id)
    REFERENCES users ON DELETE CASCADE NOT VALID;
END $$;
SET lock_timeout = 0;
SET statement_timeout = 0;
ALTER TABLE chunks VALIDATE CONSTRAINT chunks_source_of_user;
ALTER TABLE entities VALIDATE CONSTRAINT entities_merged_into_of_user;
ALTER TABLE observations VALIDATE CONSTRAINT observations_entity_of_user;
ALTER TABLE observations VALIDATE CONSTRAINT observations_source_of_user;
ALTER TABLE relationships VALIDATE CONSTRAINT relationships_from_of_user;
ALTER TABLE relationships VALIDATE CONSTRAINT relationships_to_of_user;
ALTER TABLE relationships VALIDATE CONSTRAINT relationships_source_of_user;
ALTER TABLE relationships VALIDATE CONSTRAINT relationships_user;
ALTER TABLE observations VALIDATE CONSTRAINT observations_user;
ALTER TABLE chunks VALIDATE CONSTRAINT chunks_user;
ALTER TABLE entities VALIDATE CONSTRAINT entities_user;
ALTER TABLE sources VALIDATE CONSTRAINT sources_user;
RESET lock_timeout;
RESET statement_timeout;

DO $$
BEGIN
  LOCK TABLE sources, chunks, entities, observations, relationships IN ACCESS EXCLUSIVE MODE;
  ALTER TABLE chunks DROP CONSTRAINT chunks_source;
  ALTER TABLE entities DROP CONSTRAINT entities_merged_into;
  ALTER TABLE observations DROP CONSTRAINT observations_entity;
  ALTER TABLE observations DROP CONSTRAINT observations_source;
  ALTER TABLE relationships DROP CONSTRAINT relationships_from;
  ALTER TABLE relationships DROP CONSTRAINT relationships_to;
  ALTER TABLE relationships DROP CONSTRAINT relationships_source;
  ALTER TABLE sources DROP CONSTRAINT sources_pkey, DROP CONSTRAINT sources_sha256_key,
    ADD CONSTRAINT sources_pkey PRIMARY KEY USING INDEX sources_key;
  ALTER TABLE chunks DROP CONSTRAINT chunks_pkey,
    ADD CONSTRAINT chunks_pkey PRIMARY KEY USING INDEX chunks_key;
  ALTER TABLE entities DROP CONSTRAINT entities_pkey,
    ADD CONSTRAINT entities_pkey PRIMARY KEY USING INDEX entities_key;
  ALTER TABLE observations DROP CONSTRAINT observations_pkey,
    ADD CONSTRAINT observations_pkey PRIMARY KEY USING INDEX observations_key;
  ALTER TABLE relationships DROP CONSTRAINT relationships_pkey,
    ADD CONSTRAINT relationships_pkey PRIMARY KEY USING INDEX relationships_key;
END $$;

SET lock_timeout = 0;
SET statement_timeout = 0;
DROP INDEX CONCURRENTLY sources_newest;
DROP INDEX CONCURRENTLY entities_by_type;
DROP INDEX CONCURRENTLY entities_merged;
DROP INDEX CONCURRENTLY observations_of_entity;
DROP INDEX CONCURRENTLY observations_of_source;
DROP INDEX CONCURRENTLY relationships_from_entity;
DROP INDEX CONCURRENTLY relationships_to_entity;
DROP INDEX CONCURRENTLY relationships_of_source;
RESET lock_timeout;
RESET statement_timeout;
