-- One memory: sources, their text, entities, what was observed of them and how they relate.

CREATE TABLE sources (
  id            text        PRIMARY KEY,
  sha256        text        NOT NULL UNIQUE,
  name          text        NOT NULL,
  media_type    text        NOT NULL,
  bytes         bigint      NOT NULL,
  kind          text        NOT NULL CHECK (kind IN ('file', 'structured')),
  status        text        NOT NULL CHECK (status IN ('processing', 'ready', 'failed')),
  document_type text,
  title         text,
  problem       jsonb,
  attempts      integer     NOT NULL DEFAULT 0,
  leased_until  timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sources_newest ON sources (created_at DESC, id DESC);
CREATE INDEX sources_processing ON sources (leased_until) WHERE status = 'processing';

CREATE TABLE chunks (
  source_id text    NOT NULL CONSTRAINT chunks_source REFERENCES sources ON DELETE CASCADE,
  position  integer NOT NULL,
  place     text    NOT NULL,
  text      text    NOT NULL,
  PRIMARY KEY (source_id, position)
);

CREATE TABLE entities (
  id          text        PRIMARY KEY,
  type        text        NOT NULL,
  name        text        NOT NULL,
  snapshot    jsonb       NOT NULL DEFAULT '{}',
  deleted     boolean     NOT NULL DEFAULT false,
  merged_into text        CONSTRAINT entities_merged_into REFERENCES entities,
  created_at  timestamptz NOT NULL DEFAULT now(),
  CHECK (merged_into <> id)
);
CREATE INDEX entities_by_type ON entities (type, name, id);
CREATE INDEX entities_merged ON entities (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE observations (
  id          text        PRIMARY KEY,
  entity_id   text        NOT NULL CONSTRAINT observations_entity REFERENCES entities,
  source_id   text        CONSTRAINT observations_source REFERENCES sources ON DELETE CASCADE,
  kind        text        NOT NULL CHECK (kind IN ('extracted', 'structured', 'correction', 'deletion', 'restoration')),
  fields      jsonb       NOT NULL,
  observed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX observations_of_entity ON observations (entity_id, observed_at, id);
CREATE INDEX observations_of_source ON observations (source_id);

CREATE TABLE relationships (
  id         text        PRIMARY KEY,
  type       text        NOT NULL,
  from_id    text        NOT NULL CONSTRAINT relationships_from REFERENCES entities,
  to_id      text        NOT NULL CONSTRAINT relationships_to REFERENCES entities,
  source_id  text        CONSTRAINT relationships_source REFERENCES sources ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz,
  CHECK (from_id <> to_id)
);
CREATE INDEX relationships_from_entity ON relationships (from_id, type);
CREATE INDEX relationships_to_entity ON relationships (to_id, type);
CREATE INDEX relationships_of_source ON relationships (source_id);

CREATE FUNCTION observations_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an observation never changes: store a correction' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER observations_never_change BEFORE UPDATE ON observations
  FOR EACH ROW EXECUTE FUNCTION observations_never_change();

-- Of these types no relationship may lead back to where it began. Merged entities count as one.
-- Inserts of one type wait for each other, and each then sees what the others have committed; that needs READ COMMITTED.
-- The plan is made while a table may be small, and kept while it grows; so it never reads a whole table.
CREATE FUNCTION relationships_close_no_circle() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION 'relationships are only made in READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('neotoma/' || NEW.type, 0));
  IF EXISTS (
    WITH RECURSIVE reached AS (
      SELECT NEW.to_id AS id
      UNION SELECT step.id FROM reached CROSS JOIN LATERAL (
        SELECT r.to_id FROM relationships r WHERE r.from_id = reached.id AND r.type = NEW.type AND r.deleted_at IS NULL
        UNION ALL SELECT e.merged_into FROM entities e WHERE e.id = reached.id AND e.merged_into IS NOT NULL
        UNION ALL SELECT e.id FROM entities e WHERE e.merged_into = reached.id
      ) step (id)
    ) SELECT FROM reached WHERE id = NEW.from_id
  ) THEN
    RAISE EXCEPTION 'a circle of %', NEW.type USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'no_circle';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER relationships_close_no_circle AFTER INSERT OR UPDATE OF type, from_id, to_id, deleted_at ON relationships
  FOR EACH ROW WHEN (NEW.deleted_at IS NULL
    AND NEW.type IN ('part_of', 'depends_on', 'supersedes', 'duplicate_of', 'settles', 'derived_from'))
  EXECUTE FUNCTION relationships_close_no_circle();
