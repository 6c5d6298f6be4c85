"""The wall between users as the catalogue has it: every object of the schema stands behind it."""

from collections.abc import Iterator

import psycopg
import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_walls import (
    CLOSED,
    SEEING_ALL,
    TRIGGERS_SEEING_ALL,
    UNIQUE_OVER_ALL,
    WITHOUT_WALL,
    Connection,
    escapes,
)

from neotoma.settings import OWNER


@pytest.fixture
def superuser(current_database: Database) -> Iterator[Connection]:
    """A transaction in which anything may be built; it is taken back."""
    with psycopg.connect(current_database.url("postgres")) as connection:
        yield connection
        connection.rollback()


def test_everything_stands_behind_the_wall(superuser: Connection) -> None:
    assert escapes(superuser) == []


def test_no_exception_is_left_over(superuser: Connection) -> None:
    """An exception for what is no more would let in whatever takes its name."""
    names = {name for (name,) in superuser.execute("SELECT relname FROM pg_class")}
    functions = {name for (name,) in superuser.execute("SELECT oid::regprocedure::text FROM pg_proc WHERE prosecdef")}
    assert {*CLOSED, *WITHOUT_WALL, *UNIQUE_OVER_ALL} <= names
    assert {*SEEING_ALL, *TRIGGERS_SEEING_ALL} == functions


OPEN = "CREATE TABLE hole (user_id uuid NOT NULL PRIMARY KEY); ALTER TABLE hole OWNER TO owner"
WALLED = f"{OPEN}; ALTER TABLE hole ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
DEFINER = "SECURITY DEFINER LANGUAGE sql SET search_path = pg_catalog, public, pg_temp"


@pytest.mark.parametrize(
    ("hole", "told"),
    [
        (OPEN, "table hole: row-level"),
        (f"{OPEN}; ALTER TABLE hole ENABLE ROW LEVEL SECURITY", "table hole: row-level"),
        (f"{WALLED}; ALTER TABLE hole OWNER TO app", "table hole: belongs to app"),
        (f"{WALLED}; ALTER TABLE hole ADD id int; ALTER TABLE hole DROP user_id", "table hole: has no user_id"),
        (WALLED, "table hole: keeps its rows"),
        ("ALTER TABLE tokens DROP CONSTRAINT tokens_user_id_fkey", "table tokens: keeps its rows"),
        ("ALTER TABLE sources NO FORCE ROW LEVEL SECURITY", "table sources: row-level"),
        ("ALTER TABLE tokens DISABLE ROW LEVEL SECURITY", "table tokens: row-level"),
        ("CREATE TABLE part (user_id uuid NOT NULL) PARTITION BY HASH (user_id)", "table part: row-level"),
        ("CREATE MATERIALIZED VIEW seen AS SELECT * FROM sources", "table seen: no wall"),
        ("CREATE VIEW seen AS SELECT * FROM sources", "view seen"),
        ("CREATE VIEW seen WITH (security_invoker = false) AS SELECT * FROM sources", "view seen"),
        ("CREATE VIEW seen WITH (security_barrier) AS SELECT * FROM sources", "view seen"),
        ("CREATE POLICY more ON sources TO neotoma_member USING (true)", "policy more on sources"),
        ("CREATE POLICY more ON sources USING (user_id = member_id())", "policy more on sources"),
        ("CREATE POLICY more ON sources TO app USING (user_id = member_id())", "policy more on sources"),
        (
            "CREATE POLICY more ON sources TO neotoma_member USING (user_id = member_id()) WITH CHECK (true)",
            "policy more on sources",
        ),
        (
            "CREATE POLICY more ON sources TO neotoma_member USING (user_id = member_id() OR member_id() IS NULL)",
            "policy more on sources",
        ),
        ("CREATE POLICY more ON attempts TO neotoma_member USING (true)", "policy more on attempts"),
        (f"CREATE POLICY more ON tokens TO neotoma_single USING (user_id = '{OWNER}')", "policy more on tokens"),
        ("GRANT SELECT ON attempts TO neotoma_member", "grant: neotoma_member may SELECT attempts"),
        ("GRANT SELECT ON users TO neotoma_member", "grant: neotoma_member may SELECT users"),
        ("GRANT SELECT (password_hash) ON users TO neotoma_member", "may SELECT users.password_hash"),
        ("GRANT UPDATE (email) ON users TO neotoma_member", "may UPDATE users.email"),
        ("GRANT SELECT ON tokens TO app", "grant: app may SELECT tokens"),
        ("GRANT SELECT ON sessions TO neotoma_single", "grant: neotoma_single may SELECT sessions"),
        ("GRANT SELECT ON sources TO PUBLIC", "grant: everybody may SELECT sources"),
        ("GRANT TRUNCATE ON sources TO neotoma_member", "may TRUNCATE sources"),
        ("GRANT REFERENCES ON sources TO neotoma_member", "may REFERENCES sources"),
        ("GRANT TRIGGER ON sources TO neotoma_member", "may TRIGGER sources"),
        ("GRANT INSERT ON schema_migrations TO app", "may INSERT schema_migrations"),
        ("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC", "grant: what postgres creates"),
        ("CREATE SEQUENCE counter; GRANT USAGE ON counter TO neotoma_member", "sequence counter"),
        ("CREATE SEQUENCE counter; GRANT SELECT ON counter TO PUBLIC", "sequence counter"),
        ("CREATE UNIQUE INDEX one ON sources (sha256)", "key one"),
        ("CREATE UNIQUE INDEX one ON sources (sha256, user_id)", "key one"),
        ("CREATE UNIQUE INDEX one ON sources (lower(name))", "key one"),
        ("ALTER TABLE sources ADD CONSTRAINT one EXCLUDE (sha256 WITH =)", "key one"),
        (f"{WALLED}; ALTER TABLE hole ADD email text REFERENCES oauth_clients", "reference hole_email_fkey"),
        (f"CREATE FUNCTION f() RETURNS bigint {DEFINER} AS 'SELECT 1::bigint'", "function f(): sees all rows, and"),
        (f"CREATE FUNCTION f() RETURNS trigger {DEFINER.replace('sql', 'plpgsql', 1)} AS 'BEGIN END'", "function f():"),
        ("ALTER FUNCTION claim_source(integer) RESET search_path", "function claim_source(integer): sees all rows and"),
        ("ALTER FUNCTION claim_source(integer) SET search_path = public", "takes its names from"),
        ("GRANT EXECUTE ON FUNCTION claim_source(integer) TO PUBLIC", "may be called by everybody"),
        ("GRANT EXECUTE ON FUNCTION account_delete() TO neotoma_single", "may be called by neotoma_member, neotoma"),
        ("ALTER FUNCTION account_delete() OWNER TO postgres", "function account_delete(): is leakproof"),
        ("ALTER FUNCTION member_id() LEAKPROOF", "function member_id(): is leakproof"),
        ("CREATE RULE copy AS ON INSERT TO sources DO ALSO DELETE FROM chunks", "rule copy on sources"),
        ("CREATE PUBLICATION everything FOR ALL TABLES", "publication"),
        ("SELECT lo_create(0)", "large object"),
        ("CREATE SCHEMA aside", "schema aside"),
        ("GRANT CREATE ON SCHEMA public TO app", "schema public: app may create"),
        ("GRANT CREATE ON SCHEMA public TO PUBLIC", "schema public: everybody may create"),
        ("ALTER ROLE app BYPASSRLS", "role app: may more"),
        ("ALTER ROLE neotoma_member SUPERUSER", "role neotoma_member: may more"),
        ("ALTER ROLE neotoma_single CREATEROLE", "role neotoma_single: may more"),
        ("GRANT owner TO app", "role app: is a member of owner"),
        ("GRANT pg_read_all_data TO neotoma_member", "role neotoma_member: is a member of pg_read_all_data"),
        ("GRANT neotoma_member TO app WITH INHERIT TRUE", "role app: is a member of neotoma_member"),
        ("GRANT neotoma_single TO neotoma_member", "role neotoma_member: is a member of neotoma_single"),
    ],
)
def test_every_kind_of_hole_is_found(superuser: Connection, hole: str, told: str) -> None:
    superuser.execute(hole.encode())
    assert any(told in escape for escape in escapes(superuser)), escapes(superuser)
