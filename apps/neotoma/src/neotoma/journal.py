"""What a database says of its own schema, and who may use it: the state that migrations change."""

import os

import psycopg
from psycopg import sql

from neotoma.migrations import Migration, MigrationError

Connection = psycopg.Connection[tuple[str, ...]]
EMPTY = "0"
PARTIAL = "-partial"

JOURNAL = """
CREATE TABLE IF NOT EXISTS schema_migrations (
  version text PRIMARY KEY, name text NOT NULL, finished boolean NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)
"""
CURRENT = "SELECT version || CASE WHEN finished THEN '' ELSE '-partial' END FROM schema_migrations ORDER BY version"
WALLED = (
    "GRANT neotoma_single TO {} WITH INHERIT TRUE, SET FALSE",
    "GRANT neotoma_member TO {} WITH INHERIT FALSE, SET TRUE",  # for who takes the role: never the version before
)
UNWALLED = ("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",)
ALWAYS = (
    "GRANT USAGE ON SCHEMA public TO {}",
    "REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM {}",
    "GRANT SELECT ON schema_migrations TO PUBLIC",
)


def applied(connection: Connection) -> tuple[str, ...]:
    """The versions in the database, oldest first; one that stopped half-way ends in ``-partial``."""
    if not _has(connection, "schema_migrations"):
        return ()
    return tuple(version for (version,) in connection.execute(CURRENT))


def current(connection: Connection) -> str:
    """The version of the schema, ``0`` for an empty one."""
    return (EMPTY, *applied(connection))[-1]


def record(connection: Connection, migration: Migration, *, finished: bool) -> None:
    """Write down that a migration is there, or begins to be."""
    statement = (
        "INSERT INTO schema_migrations (version, name, finished) VALUES (%s, %s, %s) "
        "ON CONFLICT (version) DO UPDATE SET finished = excluded.finished"
    )
    connection.execute(statement, (migration.version, migration.name, finished))


def forget(connection: Connection, migration: Migration) -> None:
    """Write down that a migration is gone."""
    connection.execute("DELETE FROM schema_migrations WHERE version = %s", (migration.version,))


def grant(connection: Connection) -> None:
    """Let ``APP_ROLE`` serve, owning nothing. Without that variable nothing is granted.

    On a schema with users it becomes a member of the two roles that the policies know, and gets no table of its own.
    """
    if not (name := os.environ.get("APP_ROLE")):
        return
    role = sql.Identifier(name)
    for statement in (*(WALLED if _has(connection, "users") else UNWALLED), *ALWAYS):
        connection.execute(sql.SQL(statement).format(role))


def prove_sight(connection: Connection) -> None:
    """Raise unless this role sees all rows, proved on one that belongs to nobody.

    Under forced row-level security even the owner of a table sees none: a backfill would change nothing and every
    count would be 0, both without an error.
    """
    if _has(connection, "planted") and connection.execute("SELECT FROM planted").rowcount == 0:
        (role,) = connection.execute("SELECT current_user::text").fetchall()[0]
        raise MigrationError(
            f"{role} does not see all rows, so it may not migrate. Give it: ALTER ROLE {role} BYPASSRLS"
        )


def refuse_loss(connection: Connection, leaving: tuple[Migration, ...]) -> None:
    """Raise if the schema holds what it has no place for without these migrations; their guards say what."""
    reasons = [
        row[0] for migration in leaving if migration.guard for row in connection.execute(migration.guard.encode())
    ]
    if reasons:
        raise MigrationError("\n".join(reasons))


def _has(connection: Connection, table: str) -> bool:
    return connection.execute("SELECT FROM pg_class WHERE oid = to_regclass(%s)", (table,)).rowcount == 1
