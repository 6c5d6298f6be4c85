-- migrate: no transaction
-- Merges, the past of relationships, the timeline, and counts of what must not be. The version before works on: triggers
-- keep all of it, and none refuses what that version does. They look nothing up by reading a whole table, however small
-- it was when their plans were made: many rows may follow in the same transaction.

CREATE TABLE merges (
  user_id   uuid        NOT NULL DEFAULT owner_of_new_row(),
  from_id   text        NOT NULL,
  into_id   text        NOT NULL CHECK (into_id <> from_id),
  merged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (user_id, from_id),
  CONSTRAINT merges_from FOREIGN KEY (user_id, from_id) REFERENCES entities (user_id, id) ON DELETE CASCADE,
  CONSTRAINT merges_into FOREIGN KEY (user_id, into_id) REFERENCES entities (user_id, id) ON DELETE CASCADE
);
CREATE INDEX merges_of_standing ON merges (user_id, into_id);

CREATE TABLE relationship_periods (
  user_id         uuid        NOT NULL DEFAULT owner_of_new_row(),
  relationship_id text        NOT NULL,
  created_at      timestamptz NOT NULL,
  deleted_at      timestamptz NOT NULL,
  PRIMARY KEY (user_id, relationship_id, created_at),
  CONSTRAINT relationship_periods_relationship FOREIGN KEY (user_id, relationship_id)
    REFERENCES relationships (user_id, id) ON DELETE CASCADE
);

-- Who says a relationship, for it stays while anybody does; no source is a person.
CREATE TABLE relationship_sources (
  user_id         uuid NOT NULL DEFAULT owner_of_new_row(),
  relationship_id text NOT NULL,
  source_id       text,
  CONSTRAINT relationship_sources_once UNIQUE NULLS NOT DISTINCT (user_id, relationship_id, source_id),
  CONSTRAINT relationship_sources_relationship FOREIGN KEY (user_id, relationship_id)
    REFERENCES relationships (user_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT relationship_sources_source FOREIGN KEY (user_id, source_id)
    REFERENCES sources (user_id, id) ON DELETE CASCADE
);
CREATE INDEX relationship_sources_of_source ON relationship_sources (user_id, source_id);

CREATE TABLE timeline_events (
  user_id        uuid NOT NULL,
  at             date NOT NULL,
  entity_id      text NOT NULL,
  field          text NOT NULL,
  observation_id text NOT NULL,
  type           text NOT NULL,
  name           text NOT NULL,
  PRIMARY KEY (user_id, entity_id, field),
  CONSTRAINT timeline_events_entity FOREIGN KEY (user_id, entity_id) REFERENCES entities (user_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX timeline_events_in_order ON timeline_events (user_id, at, entity_id, field);
CREATE UNIQUE INDEX timeline_events_of_type ON timeline_events (user_id, type, at, entity_id, field);

ALTER TABLE merges ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE relationship_periods ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE relationship_sources ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE timeline_events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY member ON merges TO neotoma_member USING (user_id = member_id()) WITH CHECK (user_id = member_id());
CREATE POLICY member ON relationship_periods TO neotoma_member
  USING (user_id = member_id()) WITH CHECK (user_id = member_id());
CREATE POLICY member ON relationship_sources TO neotoma_member
  USING (user_id = member_id()) WITH CHECK (user_id = member_id());
CREATE POLICY member ON timeline_events FOR SELECT TO neotoma_member USING (user_id = member_id());
GRANT SELECT, INSERT ON merges, relationship_periods, relationship_sources TO neotoma_member;
GRANT SELECT ON timeline_events TO neotoma_member;

-- Whether an entity can be reached from itself by relationships of a type; merged entities count as one.
CREATE FUNCTION leads_back(owner uuid, entity text, relation text) RETURNS boolean STABLE LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  WITH RECURSIVE one AS (
    SELECT entity AS id
    UNION SELECT step.id FROM one CROSS JOIN LATERAL (
      SELECT e.merged_into FROM entities e WHERE e.user_id = owner AND e.id = one.id AND e.merged_into IS NOT NULL
      UNION ALL SELECT e.id FROM entities e WHERE e.user_id = owner AND e.merged_into = one.id
    ) step (id)
  ), reached AS (
    SELECT r.to_id AS id FROM one JOIN relationships r
      ON r.user_id = owner AND r.from_id = one.id AND r.type = relation AND r.deleted_at IS NULL
      AND r.to_id NOT IN (SELECT id FROM one)
    UNION SELECT step.id FROM reached CROSS JOIN LATERAL (
      SELECT r.to_id FROM relationships r
        WHERE r.user_id = owner AND r.from_id = reached.id AND r.type = relation AND r.deleted_at IS NULL
      UNION ALL SELECT e.merged_into FROM entities e
        WHERE e.user_id = owner AND e.id = reached.id AND e.merged_into IS NOT NULL
      UNION ALL SELECT e.id FROM entities e WHERE e.user_id = owner AND e.merged_into = reached.id
    ) step (id)
  ) SELECT EXISTS (SELECT FROM reached JOIN one USING (id))
$$;
REVOKE ALL ON FUNCTION leads_back FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leads_back TO neotoma_member, neotoma_single;

-- Takes the place of relationships_close_no_circle(): the same, for one user.
CREATE FUNCTION relationships_of_user_close_no_circle() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION 'relationships are only made in READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('neotoma/' || NEW.user_id || '/' || NEW.type, 0));
  IF EXISTS (
    WITH RECURSIVE reached AS (
      SELECT NEW.to_id AS id
      UNION SELECT step.id FROM reached CROSS JOIN LATERAL (
        SELECT r.to_id FROM relationships r
          WHERE r.user_id = NEW.user_id AND r.from_id = reached.id AND r.type = NEW.type AND r.deleted_at IS NULL
        UNION ALL SELECT e.merged_into FROM entities e
          WHERE e.user_id = NEW.user_id AND e.id = reached.id AND e.merged_into IS NOT NULL
        UNION ALL SELECT e.id FROM entities e WHERE e.user_id = NEW.user_id AND e.merged_into = reached.id
      ) step (id)
    ) SELECT FROM reached WHERE id = NEW.from_id
  ) THEN
    RAISE EXCEPTION 'a circle of %', NEW.type USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'no_circle';
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION relationships_of_user_close_no_circle FROM PUBLIC;
CREATE OR REPLACE TRIGGER relationships_close_no_circle
  AFTER INSERT OR UPDATE OF type, from_id, to_id, deleted_at ON relationships
  FOR EACH ROW WHEN (NEW.deleted_at IS NULL
    AND NEW.type IN ('part_of', 'depends_on', 'supersedes', 'duplicate_of', 'settles', 'derived_from'))
  EXECUTE FUNCTION relationships_of_user_close_no_circle();

-- A relationship that is made again begins anew; when it held before is kept.
CREATE FUNCTION relationships_keep_their_past() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO relationship_periods (user_id, relationship_id, created_at, deleted_at)
    VALUES (OLD.user_id, OLD.id, OLD.created_at, OLD.deleted_at);
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION relationships_keep_their_past FROM PUBLIC;
CREATE OR REPLACE TRIGGER relationships_keep_their_past AFTER UPDATE OF deleted_at ON relationships
  FOR EACH ROW WHEN (OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NULL)
  EXECUTE FUNCTION relationships_keep_their_past();

-- Who says what is there already says it too: this runs before ON CONFLICT looks. Taking a relationship back takes it
-- back from all who said it. When a source goes, another one that says the same takes its place.
CREATE FUNCTION relationships_are_said() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO relationship_sources (user_id, relationship_id, source_id) VALUES (NEW.user_id, NEW.id, NEW.source_id)
    ON CONFLICT DO NOTHING;
  RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION relationships_are_said FROM PUBLIC;
CREATE OR REPLACE TRIGGER relationships_are_said BEFORE INSERT ON relationships
  FOR EACH ROW WHEN (NEW.deleted_at IS NULL) EXECUTE FUNCTION relationships_are_said();
CREATE FUNCTION relationships_are_taken_back() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  DELETE FROM relationship_sources WHERE user_id = NEW.user_id AND relationship_id = NEW.id;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION relationships_are_taken_back FROM PUBLIC;
CREATE OR REPLACE TRIGGER relationships_are_taken_back AFTER UPDATE OF deleted_at ON relationships
  FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
  EXECUTE FUNCTION relationships_are_taken_back();
CREATE FUNCTION sources_leave_what_others_say() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  UPDATE relationships r SET source_id = other.source_id
  FROM (SELECT DISTINCT ON (s.relationship_id) s.relationship_id, s.source_id FROM relationship_sources s
        WHERE s.user_id = OLD.user_id AND s.source_id IS DISTINCT FROM OLD.id AND s.relationship_id IN
          (SELECT id FROM relationships WHERE user_id = OLD.user_id AND source_id = OLD.id)
        ORDER BY s.relationship_id, s.source_id NULLS FIRST) other
  WHERE r.user_id = OLD.user_id AND r.id = other.relationship_id;
  RETURN OLD;
END $$;
REVOKE ALL ON FUNCTION sources_leave_what_others_say FROM PUBLIC;
CREATE OR REPLACE TRIGGER sources_leave_what_others_say BEFORE DELETE ON sources
  FOR EACH ROW EXECUTE FUNCTION sources_leave_what_others_say();

-- A merge is forever, joins two of a type, and closes no circle. It waits for whoever makes relationships.
CREATE FUNCTION entities_merge_well() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE relation text;
BEGIN
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION 'entities are only merged in READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
  END IF;
  IF OLD.merged_into IS NOT NULL OR NOT EXISTS (SELECT FROM entities
      WHERE user_id = NEW.user_id AND id = NEW.merged_into AND type = NEW.type AND merged_into IS NULL) THEN
    RAISE EXCEPTION 'a merge joins two standing entities of a type, forever'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'merge_is_forever';
  END IF;
  FOREACH relation IN ARRAY ARRAY['depends_on', 'derived_from', 'duplicate_of', 'part_of', 'settles', 'supersedes'] LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended('neotoma/' || NEW.user_id || '/' || relation, 0));
  END LOOP;
  FOREACH relation IN ARRAY ARRAY['depends_on', 'derived_from', 'duplicate_of', 'part_of', 'settles', 'supersedes'] LOOP
    IF (SELECT leads_back(NEW.user_id, NEW.id, relation)) THEN
      RAISE EXCEPTION 'a circle of %', relation USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'no_circle';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION entities_merge_well FROM PUBLIC;
CREATE OR REPLACE TRIGGER entities_merge_well AFTER UPDATE OF merged_into ON entities
  FOR EACH ROW WHEN (OLD.merged_into IS DISTINCT FROM NEW.merged_into) EXECUTE FUNCTION entities_merge_well();

-- The events of an entity are the date fields of its snapshot while it is neither deleted nor merged.
-- Runs as the owner, for the version before knows no timeline; of the row's own user and entity only.
CREATE FUNCTION entities_tell_the_timeline() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  DELETE FROM timeline_events WHERE user_id = NEW.user_id AND entity_id = NEW.id;
  IF NOT NEW.deleted AND NEW.merged_into IS NULL THEN
    INSERT INTO timeline_events (user_id, at, entity_id, field, observation_id, type, name)
      SELECT NEW.user_id, (f.value ->> 'value')::date, NEW.id, f.key, f.value ->> 'observation', NEW.type, NEW.name
      FROM jsonb_each(NEW.snapshot) f
      WHERE f.value ->> 'type' = 'date' AND f.value ->> 'value' ~ '^\d{4}-\d\d-\d\d$'
        AND pg_input_is_valid(f.value ->> 'value', 'date');
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION entities_tell_the_timeline FROM PUBLIC;
CREATE OR REPLACE TRIGGER entities_come_onto_the_timeline AFTER INSERT ON entities
  FOR EACH ROW WHEN (NEW.snapshot <> '{}') EXECUTE FUNCTION entities_tell_the_timeline();
CREATE OR REPLACE TRIGGER entities_tell_the_timeline AFTER UPDATE ON entities
  FOR EACH ROW WHEN ((OLD.snapshot, OLD.deleted, OLD.merged_into, OLD.type, OLD.name)
    IS DISTINCT FROM (NEW.snapshot, NEW.deleted, NEW.merged_into, NEW.type, NEW.name))
  EXECUTE FUNCTION entities_tell_the_timeline();

-- What is there already, 1,000 entities at a time. Their rows are held, so that nothing changes between read and write.
SET statement_timeout = 0;
DO $$
DECLARE last_user uuid; last_id text; batch jsonb;
BEGIN
  IF NOT EXISTS (SELECT FROM planted) THEN
    RAISE EXCEPTION 'this role does not see all rows, and would fill none: ALTER ROLE % BYPASSRLS', current_user;
  END IF;
  LOOP
    WITH held AS MATERIALIZED (
      SELECT user_id, id, type, name, snapshot, deleted, merged_into FROM entities
      WHERE last_user IS NULL OR (user_id, id) > (last_user, last_id) ORDER BY user_id, id LIMIT 1000 FOR SHARE
    ), filled AS (
      INSERT INTO timeline_events (user_id, at, entity_id, field, observation_id, type, name)
      SELECT h.user_id, (f.value ->> 'value')::date, h.id, f.key, f.value ->> 'observation', h.type, h.name
      FROM held h CROSS JOIN LATERAL jsonb_each(h.snapshot) f
      WHERE f.value ->> 'type' = 'date' AND f.value ->> 'value' ~ '^\d{4}-\d\d-\d\d$'
        AND pg_input_is_valid(f.value ->> 'value', 'date') AND NOT h.deleted AND h.merged_into IS NULL
      ON CONFLICT DO NOTHING
    )
    SELECT to_jsonb(h) INTO batch FROM (SELECT user_id, id FROM held ORDER BY user_id DESC, id DESC LIMIT 1) h;
    EXIT WHEN batch IS NULL;
    last_user := batch ->> 'user_id';
    last_id := batch ->> 'id';
    COMMIT;
  END LOOP;
END $$;
ANALYZE timeline_events;
RESET statement_timeout;

-- Counts of all users' rows, for a role that sees none of them: integers without names. They refuse to count for an owner
-- who does not see the planted row, and so perhaps not all.
CREATE FUNCTION integrity_orphans() RETURNS bigint STABLE SECURITY DEFINER LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET enable_mergejoin = off SET work_mem = '64MB' AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM planted WHERE user_id = '00000000-0000-4000-8000-000000000000') THEN
    RAISE EXCEPTION 'the owner of this function does not see all rows' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN (SELECT count(*) FROM relationships r LEFT JOIN entities e ON e.user_id = r.user_id AND e.id = r.from_id
          WHERE e.id IS NULL)
    + (SELECT count(*) FROM relationships r LEFT JOIN entities e ON e.user_id = r.user_id AND e.id = r.to_id
       WHERE e.id IS NULL)
    + (SELECT count(*) FROM relationships r WHERE r.source_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM sources s WHERE s.user_id = r.user_id AND s.id = r.source_id))
    + (SELECT count(*) FROM observations o LEFT JOIN entities e ON e.user_id = o.user_id AND e.id = o.entity_id
       WHERE e.id IS NULL)
    + (SELECT count(*) FROM observations o LEFT JOIN sources s ON s.user_id = o.user_id AND s.id = o.source_id
       WHERE o.source_id IS NOT NULL AND s.id IS NULL)
    + (SELECT count(*) FROM chunks c LEFT JOIN sources s ON s.user_id = c.user_id AND s.id = c.source_id
       WHERE s.id IS NULL)
    + (SELECT count(*) FROM entities e WHERE e.merged_into IS NOT NULL
       AND NOT EXISTS (SELECT FROM entities i WHERE i.user_id = e.user_id AND i.id = e.merged_into))
    + (SELECT count(*) FROM entities e
       WHERE NOT EXISTS (SELECT FROM observations o WHERE o.user_id = e.user_id AND o.entity_id = e.id)
       AND NOT EXISTS (SELECT FROM entities i WHERE i.user_id = e.user_id AND i.merged_into = e.id))
    + (SELECT count(*) FROM timeline_events t LEFT JOIN entities e ON e.user_id = t.user_id AND e.id = t.entity_id
       WHERE e.id IS NULL);
END $$;
REVOKE ALL ON FUNCTION integrity_orphans FROM PUBLIC;
GRANT EXECUTE ON FUNCTION integrity_orphans TO neotoma_member;

-- Every relationship that may not lead back, between numbers that stand for entities, those merged for the one that stands.
-- The numbers are 64 bits of a hash with a seed that is new each time, so that they are of no use a second time.
-- Kind 0 are the merges themselves.
CREATE FUNCTION integrity_edges() RETURNS TABLE (kind integer, start bigint, stop bigint) SECURITY DEFINER
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE seed CONSTANT bigint := (random() * 9e18)::bigint;
BEGIN
  IF NOT EXISTS (SELECT FROM planted WHERE user_id = '00000000-0000-4000-8000-000000000000') THEN
    RAISE EXCEPTION 'the owner of this function does not see all rows' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN QUERY WITH RECURSIVE chain AS (
    SELECT e.user_id, e.id, e.merged_into AS into_id FROM entities e WHERE e.merged_into IS NOT NULL
    UNION SELECT c.user_id, c.id, e.merged_into FROM chain c
      JOIN entities e ON e.user_id = c.user_id AND e.id = c.into_id AND e.merged_into IS NOT NULL
  ), standing AS (
    SELECT c.user_id, c.id, c.into_id FROM chain c
    WHERE NOT EXISTS (SELECT FROM entities e WHERE e.user_id = c.user_id AND e.id = c.into_id AND e.merged_into IS NOT NULL)
  )
  SELECT array_position(ARRAY['depends_on', 'derived_from', 'duplicate_of', 'part_of', 'settles', 'supersedes'], r.type),
         hashtextextended(coalesce(f.into_id, r.from_id) || r.user_id, seed),
         hashtextextended(coalesce(t.into_id, r.to_id) || r.user_id, seed)
  FROM relationships r
  LEFT JOIN standing f ON f.user_id = r.user_id AND f.id = r.from_id
  LEFT JOIN standing t ON t.user_id = r.user_id AND t.id = r.to_id
  WHERE r.deleted_at IS NULL
    AND r.type IN ('depends_on', 'derived_from', 'duplicate_of', 'part_of', 'settles', 'supersedes')
  UNION ALL SELECT 0, hashtextextended(e.id || e.user_id, seed), hashtextextended(e.merged_into || e.user_id, seed)
  FROM entities e WHERE e.merged_into IS NOT NULL;
END $$;
REVOKE ALL ON FUNCTION integrity_edges FROM PUBLIC;
GRANT EXECUTE ON FUNCTION integrity_edges TO neotoma_member;
