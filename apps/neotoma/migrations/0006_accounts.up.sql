-- How people and agents prove who they are. What is secret is kept only as a SHA-256 digest (passwords as argon2).
-- Before a user is known nothing can be asked but these functions, one secret at a time; what follows is behind the wall.

CREATE TABLE sessions (
  user_id    uuid        NOT NULL DEFAULT member_id() REFERENCES users ON DELETE CASCADE,
  digest     bytea       NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  seen_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, digest)
);
CREATE INDEX sessions_by_digest ON sessions (digest);

CREATE TABLE tokens (
  user_id    uuid        NOT NULL DEFAULT member_id() REFERENCES users ON DELETE CASCADE,
  id         text        NOT NULL,
  digest     bytea       NOT NULL,
  kind       text        NOT NULL CHECK (kind IN ('made', 'sign-in')),
  name       text        NOT NULL,
  scopes     text[]      NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  used_at    timestamptz,
  expires_at timestamptz,
  PRIMARY KEY (user_id, id)
);
CREATE INDEX tokens_by_digest ON tokens (digest);

-- What a person allowed one agent: the family of all codes and tokens that come of it, which are revoked together.
CREATE TABLE oauth_grants (
  user_id      uuid        NOT NULL DEFAULT member_id() REFERENCES users ON DELETE CASCADE,
  id           uuid        NOT NULL,
  client_id    text        NOT NULL,
  client_name  text        NOT NULL,
  scopes       text[]      NOT NULL,
  resource     text        NOT NULL,
  challenge    text        NOT NULL,
  redirect_uri text        NOT NULL,
  explicit     boolean     NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, id)
);
CREATE TABLE oauth_tokens (
  user_id    uuid        NOT NULL DEFAULT member_id(),
  digest     bytea       NOT NULL,
  grant_id   uuid        NOT NULL,
  kind       text        NOT NULL CHECK (kind IN ('code', 'access', 'refresh')),
  scopes     text[]      NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  used_at    timestamptz,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, digest),
  FOREIGN KEY (user_id, grant_id) REFERENCES oauth_grants ON DELETE CASCADE
);
CREATE INDEX oauth_tokens_by_digest ON oauth_tokens (digest);
CREATE INDEX oauth_tokens_of_grant ON oauth_tokens (user_id, grant_id);

-- Three tables belong to no user: agents register before anybody allows them anything, attempts are counted before
-- anybody is known, and whoever departed is no user any more. No role but the owner's functions may touch them.
CREATE TABLE oauth_clients (
  id         text        PRIMARY KEY,
  metadata   jsonb       NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE attempts (
  digest   bytea       PRIMARY KEY,
  count    integer     NOT NULL,
  since    timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE departed (
  user_id uuid PRIMARY KEY
);

ALTER TABLE sessions      ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE tokens        ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE oauth_grants  ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE oauth_tokens  ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE oauth_clients ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE attempts      ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE departed      ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY member ON sessions     TO neotoma_member USING (user_id = member_id()) WITH CHECK (user_id = member_id());
CREATE POLICY member ON tokens       TO neotoma_member USING (user_id = member_id()) WITH CHECK (user_id = member_id());
CREATE POLICY member ON oauth_grants TO neotoma_member USING (user_id = member_id()) WITH CHECK (user_id = member_id());
CREATE POLICY member ON oauth_tokens TO neotoma_member USING (user_id = member_id()) WITH CHECK (user_id = member_id());
GRANT SELECT, INSERT, DELETE ON sessions, tokens, oauth_grants, oauth_tokens TO neotoma_member;
GRANT UPDATE (used_at) ON oauth_tokens TO neotoma_member;

-- E-mail is the one thing that is unique over all users, for it is what people sign in with. NULL: it is taken.
CREATE FUNCTION account_create(wanted text, hash text) RETURNS uuid LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO users (user_id, email, password_hash) VALUES (gen_random_uuid(), wanted, hash)
  ON CONFLICT DO NOTHING RETURNING user_id;
$$;

CREATE FUNCTION account_credential(wanted text) RETURNS TABLE (user_id uuid, password_hash text)
  STABLE LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT u.user_id, u.password_hash FROM users u WHERE lower(u.email) = lower(wanted);
$$;

-- Only who knows the old hash, and so has just checked the password, may set a new one.
CREATE FUNCTION account_rehash(old text, new text) RETURNS boolean LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE users SET password_hash = new WHERE user_id = member_id() AND password_hash = old RETURNING true;
$$;

-- Every table refers to users with ON DELETE CASCADE. The legacy owner is configuration, not a person: it stays, empty.
CREATE FUNCTION account_delete() RETURNS void LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO departed SELECT user_id FROM users WHERE user_id = member_id() ON CONFLICT DO NOTHING;
  DELETE FROM users WHERE user_id = member_id();
  INSERT INTO users (user_id, email) SELECT member_id(), 'owner@neotoma.invalid'
  WHERE member_id() = '00000000-0000-4000-8000-000000000001';
$$;

-- Whose files are still to be deleted, if the service died between the rows and the files.
CREATE FUNCTION account_departed() RETURNS SETOF uuid STABLE LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT user_id FROM departed;
$$;

CREATE FUNCTION account_erased(gone uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  DELETE FROM departed WHERE user_id = gone;
$$;

CREATE FUNCTION session_person(wanted bytea, idle interval, whole interval) RETURNS TABLE (user_id uuid, email text)
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE sessions SET seen_at = now()
  WHERE digest = wanted AND seen_at > now() - idle AND created_at > now() - whole AND seen_at < now() - interval '1 minute';
  SELECT s.user_id, u.email FROM sessions s JOIN users u USING (user_id)
  WHERE s.digest = wanted AND s.seen_at > now() - idle AND s.created_at > now() - whole;
$$;

CREATE FUNCTION token_person(wanted bytea) RETURNS TABLE (user_id uuid, email text, scopes text[], expires_at timestamptz)
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE tokens SET used_at = now()
  WHERE digest = wanted AND (used_at IS NULL OR used_at < now() - interval '1 minute');
  SELECT t.user_id, u.email, t.scopes, t.expires_at FROM tokens t JOIN users u USING (user_id)
  WHERE t.digest = wanted AND (t.expires_at IS NULL OR t.expires_at > now());
$$;

CREATE FUNCTION oauth_token(wanted bytea, wanted_kind text)
  RETURNS TABLE (user_id uuid, email text, grant_id uuid, client_id text, scopes text[], resource text, challenge text,
                 redirect_uri text, explicit boolean, expires_at timestamptz, used boolean)
  STABLE LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT t.user_id, u.email, g.id, g.client_id, t.scopes, g.resource, g.challenge, g.redirect_uri, g.explicit,
         t.expires_at, t.used_at IS NOT NULL
  FROM oauth_tokens t JOIN oauth_grants g ON (g.user_id, g.id) = (t.user_id, t.grant_id)
  JOIN users u ON u.user_id = t.user_id
  WHERE t.digest = wanted AND t.kind = wanted_kind;
$$;

CREATE FUNCTION oauth_client(wanted text) RETURNS jsonb STABLE LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT metadata FROM oauth_clients WHERE id = wanted;
$$;

CREATE FUNCTION oauth_client_add(new_id text, new_metadata jsonb) RETURNS void LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO oauth_clients (id, metadata) VALUES (new_id, new_metadata);
$$;

-- Counts one attempt and tells how many seconds to wait: 0 within the limit. The window begins with its first attempt.
CREATE FUNCTION attempt(what bytea, most integer, seconds integer) RETURNS integer LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO attempts AS a (digest, count) VALUES (what, 1)
  ON CONFLICT (digest) DO UPDATE SET
    count = CASE WHEN a.since < now() - make_interval(secs => seconds) THEN 1 ELSE least(a.count, most) + 1 END,
    since = CASE WHEN a.since < now() - make_interval(secs => seconds) THEN now() ELSE a.since END
  RETURNING CASE WHEN count <= most THEN 0
                 ELSE greatest(1, ceil(extract(epoch FROM since - now()) + seconds))::integer END;
$$;

CREATE FUNCTION attempt_forgive(what bytea) RETURNS void LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE attempts SET count = count - 1 WHERE digest = what AND count > 0;
$$;

CREATE FUNCTION accounts_sweep(idle interval, whole interval) RETURNS void LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  DELETE FROM sessions WHERE seen_at < now() - idle OR created_at < now() - whole;
  DELETE FROM tokens WHERE expires_at < now();
  DELETE FROM oauth_grants g WHERE NOT EXISTS (
    SELECT FROM oauth_tokens t WHERE (t.user_id, t.grant_id) = (g.user_id, g.id) AND t.used_at IS NULL
      AND t.expires_at > now());
  DELETE FROM oauth_tokens WHERE expires_at < now();
  DELETE FROM attempts WHERE since < now() - interval '1 day';
  DELETE FROM oauth_clients c WHERE created_at < now() - interval '90 days'
    AND NOT EXISTS (SELECT FROM oauth_grants g WHERE g.client_id = c.id);
$$;

REVOKE ALL ON FUNCTION account_create(text, text), account_credential(text), account_rehash(text, text), account_delete(),
  account_departed(), account_erased(uuid), session_person(bytea, interval, interval), token_person(bytea),
  oauth_token(bytea, text), oauth_client(text), oauth_client_add(text, jsonb), attempt(bytea, integer, integer),
  attempt_forgive(bytea), accounts_sweep(interval, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION account_create(text, text), account_credential(text), account_rehash(text, text), account_delete(),
  account_departed(), account_erased(uuid), session_person(bytea, interval, interval), token_person(bytea),
  oauth_token(bytea, text), oauth_client(text), oauth_client_add(text, jsonb), attempt(bytea, integer, integer),
  attempt_forgive(bytea), accounts_sweep(interval, interval) TO neotoma_member;
