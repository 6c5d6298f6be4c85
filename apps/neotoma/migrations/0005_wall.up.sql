-- The wall. Forced, so that it also stands before the owner of the tables; who may see all rows has BYPASSRLS and says so.

LOCK TABLE sources, chunks, entities, observations, relationships IN ACCESS EXCLUSIVE MODE;
ALTER TABLE sources ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY member ON sources TO neotoma_member USING (user_id = member_id()) WITH CHECK (user_id = member_id());
CREATE POLICY single ON sources TO neotoma_single
  USING (user_id = '00000000-0000-4000-8000-000000000001')
  WITH CHECK (user_id = '00000000-0000-4000-8000-000000000001');
ALTER TABLE chunks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY member ON chunks TO neotoma_member USING (user_id = member_id()) WITH CHECK (user_id = member_id());
CREATE POLICY single ON chunks TO neotoma_single
  USING (user_id = '00000000-0000-4000-8000-000000000001')
  WITH CHECK (user_id = '00000000-0000-4000-8000-000000000001');
ALTER TABLE entities ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY member ON entities TO neotoma_member USING (user_id = member_id()) WITH CHECK (user_id = member_id());
CREATE POLICY single ON entities TO neotoma_single
  USING (user_id = '00000000-0000-4000-8000-000000000001')
  WITH CHECK (user_id = '00000000-0000-4000-8000-000000000001');
ALTER TABLE observations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY member ON observations TO neotoma_member USING (user_id = member_id()) WITH CHECK (user_id = member_id());
CREATE POLICY single ON observations TO neotoma_single
  USING (user_id = '00000000-0000-4000-8000-000000000001')
  WITH CHECK (user_id = '00000000-0000-4000-8000-000000000001');
ALTER TABLE relationships ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY member ON relationships TO neotoma_member USING (user_id = member_id()) WITH CHECK (user_id = member_id());
CREATE POLICY single ON relationships TO neotoma_single
  USING (user_id = '00000000-0000-4000-8000-000000000001')
  WITH CHECK (user_id = '00000000-0000-4000-8000-000000000001');
ALTER TABLE users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY member ON users FOR SELECT TO neotoma_member USING (user_id = member_id());
ALTER TABLE planted ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY member ON planted TO neotoma_member USING (user_id = member_id());

GRANT SELECT, INSERT, UPDATE, DELETE ON sources, chunks, entities, observations, relationships TO neotoma_member, neotoma_single;
GRANT SELECT (user_id, email, created_at) ON users TO neotoma_member;
GRANT SELECT ON planted TO neotoma_member;

-- The service takes over a source that nobody reads any more, whoever's it is; then it works on as that user.
CREATE FUNCTION claim_source(lease_seconds integer) RETURNS TABLE (user_id uuid, id text)
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  WITH due AS MATERIALIZED (
    SELECT s.user_id, s.id FROM sources s
    WHERE s.status = 'processing' AND (s.leased_until <= now() OR s.leased_until IS NULL)
    ORDER BY s.leased_until NULLS FIRST LIMIT 1 FOR UPDATE SKIP LOCKED
  )
  UPDATE sources s SET attempts = s.attempts + 1, leased_until = now() + make_interval(secs => lease_seconds)
  FROM due WHERE s.user_id = due.user_id AND s.id = due.id
  RETURNING s.user_id, s.id
$$;
REVOKE ALL ON FUNCTION claim_source FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_source TO neotoma_member;
