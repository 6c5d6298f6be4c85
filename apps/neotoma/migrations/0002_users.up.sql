-- Users. Nothing that the version before uses is touched.
-- neotoma_member is what this version serves as; neotoma_single is what the version before, that knows no users, is.
-- Roles belong to the whole server: another database may have made them already, and going back leaves them.

DO $$
DECLARE role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['neotoma_member', 'neotoma_single'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN NOBYPASSRLS', role);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another database's migration was faster
      END;
    END IF;
  END LOOP;
END $$;

-- The user whom the transaction is for; NULL, which equals nothing, without one.
CREATE FUNCTION member_id() RETURNS uuid STABLE LANGUAGE sql
  RETURN nullif(current_setting('neotoma.user_id', true), '')::uuid;

CREATE TABLE users (
  user_id       uuid        PRIMARY KEY,
  email         text        NOT NULL,
  password_hash text,
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email ON users (lower(email));
INSERT INTO users (user_id, email) VALUES ('00000000-0000-4000-8000-000000000001', 'owner@neotoma.invalid');

-- A row of a user that is nobody: who does not see it cannot see all rows, and may neither count, fill nor migrate.
CREATE TABLE planted (user_id uuid PRIMARY KEY);
INSERT INTO planted VALUES ('00000000-0000-4000-8000-000000000000');
