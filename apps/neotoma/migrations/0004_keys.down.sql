-- migrate: no transaction
-- The same the other way round; also from half-way.

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
-- TODO H8
