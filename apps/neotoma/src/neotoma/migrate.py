"""Changes the schema: ``up``, ``down --to VERSION``, ``current`` and ``list``.

Why not dbmate: it goes back one migration at a time and not to a version (amacneil/dbmate#18), takes no lock on
PostgreSQL against a second run (#596), and grants nothing to the role that serves. Here

- an advisory lock excludes a second run; it does not wait, for a waiting session would block CREATE INDEX CONCURRENTLY;
- a file and its row in ``schema_migrations`` are one transaction, so a failure leaves the version it found;
- a file outside a transaction is recorded before it runs and marked finished after. If it stops half-way the version
  reads ``0003-partial``, and its down script, written for that state, takes it back;
- after each step ``APP_ROLE``, if set, may read and write the rows, and owns nothing.

``LOCK_TIMEOUT`` and ``STATEMENT_TIMEOUT`` are PostgreSQL durations such as ``2s``. The URL is never printed.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from neotoma import migrations
from neotoma.migrations import Migration, MigrationError, Script

Connection = psycopg.Connection[tuple[str, ...]]
ADVISORY_LOCK = 0x6E656F746F6D61  # "neotoma"
EMPTY = "0"
PARTIAL = "-partial"

JOURNAL = """
CREATE TABLE IF NOT EXISTS schema_migrations (
  version text PRIMARY KEY, name text NOT NULL, finished boolean NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)
"""
WALLED = ("GRANT neotoma_member, neotoma_single TO {}",)
UNWALLED = ("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",)
ALWAYS = (
    "GRANT USAGE ON SCHEMA public TO {}",
    "REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM {}",
    "GRANT SELECT ON schema_migrations TO PUBLIC",
)
CURRENT = "SELECT version || CASE WHEN finished THEN '' ELSE '-partial' END FROM schema_migrations ORDER BY version"


def run(verb: str, target: str | None) -> int:
    """Carry out one verb and return the exit code: 0 for done or nothing to do, 1 for a failure told on stderr."""
    try:
        known = migrations.read()
        with _connected() as connection:
            match verb:
                case "current":
                    print(current(connection))
                case "list":
                    _list(connection, known)
                case "up":
                    _told(connection, lambda: up(connection, known))
                case _:
                    _told(connection, lambda: down(connection, known, target or ""))
    except (MigrationError, psycopg.Error) as error:
        print(_reason(error), file=sys.stderr)
        return 1
    return 0


def applied(connection: Connection) -> tuple[str, ...]:
    """The versions in the database, oldest first; one that stopped half-way ends in ``-partial``."""
    if connection.execute("SELECT FROM pg_class WHERE oid = to_regclass('schema_migrations')").rowcount == 0:
        return ()
    return tuple(version for (version,) in connection.execute(CURRENT))


def current(connection: Connection) -> str:
    """The version of the schema, ``0`` for an empty one."""
    return (EMPTY, *applied(connection))[-1]


def up(connection: Connection, known: tuple[Migration, ...]) -> None:
    """Apply what is missing, oldest first."""
    present = applied(connection)
    if present and present[-1].endswith(PARTIAL):
        before = (EMPTY, *present)[-2]
        raise MigrationError(f"An earlier run stopped half-way. Take it back first: migrate down --to {before}")
    connection.execute(JOURNAL)
    for migration in known[len(_matching(present, known)) :]:
        _apply(connection, migration)
        print(f"applied {migration.version} {migration.name}")
    _grant(connection)


def down(connection: Connection, known: tuple[Migration, ...], target: str) -> None:
    """Take back, newest first, everything after ``target``."""
    if target not in (EMPTY, *(migration.version for migration in known)):
        raise MigrationError(f"This tree knows no schema version {target!r}; see: migrate list")
    present = _matching(applied(connection), known)
    if target not in (EMPTY, *(migration.version for migration in present)):
        raise MigrationError(f"The schema is older than {target}. Bring it forward with: migrate up")
    for migration in reversed(present):
        if migration.version > target:
            _revert(connection, migration)
            print(f"took back {migration.version} {migration.name}")


def _matching(present: tuple[str, ...], known: tuple[Migration, ...]) -> tuple[Migration, ...]:
    """The applied migrations. Raises if the database holds one that this tree does not know."""
    versions = tuple(version.removesuffix(PARTIAL) for version in present)
    if versions != tuple(migration.version for migration in known[: len(versions)]):
        raise MigrationError("The schema is of a tree that this one does not know. Use the tree that applied it.")
    return known[: len(versions)]


def _apply(connection: Connection, migration: Migration) -> None:
    insert = "INSERT INTO schema_migrations (version, name, finished) VALUES (%s, %s, %s)"
    finished = migration.up.transactional

    def record() -> None:
        connection.execute(insert, (migration.version, migration.name, finished))
        _grant(connection)

    if finished:
        _execute(connection, migration.up, after=record)
        return
    record()
    _execute(connection, migration.up)
    connection.execute("UPDATE schema_migrations SET finished = true WHERE version = %s", (migration.version,))
    _grant(connection)


def _revert(connection: Connection, migration: Migration) -> None:
    def forget() -> None:
        connection.execute("DELETE FROM schema_migrations WHERE version = %s", (migration.version,))

    if migration.down.transactional:
        _execute(connection, migration.down, after=forget)
        return
    connection.execute("UPDATE schema_migrations SET finished = false WHERE version = %s", (migration.version,))
    _execute(connection, migration.down)
    forget()


def _execute(connection: Connection, script: Script, after: Callable[[], None] = lambda: None) -> None:
    """Send a script; a transactional one together with ``after``, the bookkeeping."""
    if script.transactional:
        with connection.transaction():
            connection.execute(script.sql.encode())
            after()
        return
    for statement in script.statements:
        connection.execute(statement.encode())


def _grant(connection: Connection) -> None:
    """Let ``APP_ROLE`` serve, owning nothing. Without that variable nothing is granted.

    On a schema with users it becomes a member of the two roles that the policies know, and has no table of its own.
    """
    if not (name := os.environ.get("APP_ROLE")):
        return
    role = sql.Identifier(name)
    for statement in (*(WALLED if _has_users(connection) else UNWALLED), *ALWAYS):
        connection.execute(sql.SQL(statement).format(role))


def _has_users(connection: Connection) -> bool:
    return connection.execute("SELECT FROM pg_class WHERE oid = to_regclass('users')").rowcount == 1


def _list(connection: Connection, known: tuple[Migration, ...]) -> None:
    present = applied(connection)
    for migration in known:
        states = {migration.version: "applied", migration.version + PARTIAL: "stopped half-way"}
        state = next((states[version] for version in present if version in states), "not applied")
        print(f"{migration.version} {migration.name}: {state}")


def _told(connection: Connection, change: Callable[[], None]) -> None:
    """Run a change under the lock; whatever goes wrong, say which version the schema has now."""
    try:
        if connection.execute("SELECT pg_try_advisory_lock(%s)::text", (ADVISORY_LOCK,)).fetchall() != [("true",)]:
            raise MigrationError(
                "Another migration is running on this database. Wait for its end, then run this again."
            )
        before = current(connection)
        change()
        print(f"schema {current(connection)}" + (", nothing to do" if current(connection) == before else ""))
    except (MigrationError, psycopg.Error) as error:
        raise MigrationError(f"{_reason(error)}\nThe schema is now at {_current_or_unknown(connection)}.") from error


def _reason(error: MigrationError | psycopg.Error) -> str:
    if isinstance(error, MigrationError):
        return str(error)
    advice: dict[type[psycopg.Error], str] = {
        psycopg.errors.LockNotAvailable: "Another session holds the table: run this again, or raise LOCK_TIMEOUT.",
        psycopg.errors.QueryCanceled: "It took too long: raise STATEMENT_TIMEOUT, or do the work in smaller steps.",
    }
    next_step = advice.get(type(error), "Correct the migration; to go back, run: migrate down --to VERSION")
    return f"The database refused: {error.diag.message_primary or 'the connection broke'}. {next_step}"


def _current_or_unknown(connection: Connection) -> str:
    try:
        return current(connection)
    except psycopg.Error:
        return "an unknown version, for the database does not answer; ask it with: migrate current"


@contextmanager
def _connected() -> Iterator[Connection]:
    """A connection in autocommit with the time-outs set."""
    url = os.environ.get("MIGRATION_DATABASE_URL") or os.environ.get("DATABASE_URL")
    if not url:
        raise MigrationError("No database: set MIGRATION_DATABASE_URL or DATABASE_URL.")
    try:
        connection: Connection = psycopg.connect(url, autocommit=True, connect_timeout=10)
        for setting in ("lock_timeout", "statement_timeout"):
            if value := os.environ.get(setting.upper()):
                connection.execute("SELECT set_config(%s, %s, false)", (setting, value))
    except psycopg.errors.InvalidParameterValue as error:
        raise MigrationError(f"{error.diag.message_primary}. Set it as in 2s or 500ms. Nothing was changed.") from error
    except psycopg.Error as error:
        raise MigrationError(f"The database cannot be reached: {unreachable(error)}. Nothing was changed.") from None
    with connection:
        yield connection


def unreachable(error: psycopg.Error) -> str:
    """Why a connection failed, in words that hold no part of its URL: libpq quotes pieces of one it cannot parse."""
    known = ("Connection refused", "authentication failed", "does not exist", "No such file", "timeout expired")
    return next((words for words in known if words in str(error)), "check the host, the port and the credentials")
