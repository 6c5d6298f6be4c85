"""Changes the schema: ``up``, ``down --to VERSION``, ``current`` and ``list``.

Why no ready-made runner: docs/adr/0006. What this one does:

- an advisory lock excludes a second run; it does not wait, for a waiting session would block CREATE INDEX CONCURRENTLY;
- a file and its row in ``schema_migrations`` are one transaction, so a failure leaves the version it found;
- a file outside a transaction is recorded before it runs and marked finished after. If it stops half-way the version
  reads ``0004-partial``, and its down script, written for that state, takes it back;
- whoever waits for a lock makes everybody wait behind it, so it gives up after ``LOCK_TIMEOUT`` and tries again, TRIES
  times in all. Below PostgreSQL's ``deadlock_timeout`` (1 s) it is never a request that has to give way;
- nothing runs under a role that does not see all rows, and nothing is taken back that has no place in what was before;
- after each step ``APP_ROLE``, if set, may read and write the rows, and owns nothing.

``LOCK_TIMEOUT`` and ``STATEMENT_TIMEOUT`` are PostgreSQL durations such as ``500ms``. The URL is never printed.
"""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import psycopg
from psycopg.conninfo import conninfo_to_dict

from neotoma import journal, migrations
from neotoma.journal import EMPTY, PARTIAL, Connection, applied, current
from neotoma.migrations import Migration, MigrationError, Script

ADVISORY_LOCK = 0x6E656F746F6D61  # "neotoma"
LOCK_TIMEOUT = "500ms"
TRIES = 20
PAUSE_SECONDS = 0.3
DURATION = re.compile(r"\d+(us|ms|s|min|h|d)?")
GAVE_WAY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


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


def up(connection: Connection, known: tuple[Migration, ...]) -> None:
    """Apply what is missing, oldest first."""
    present = applied(connection)
    if present and present[-1].endswith(PARTIAL):
        before = (EMPTY, *present)[-2]
        raise MigrationError(f"An earlier run stopped half-way. Take it back first: migrate down --to {before}")
    missing = known[len(_matching(present, known)) :]
    journal.prove_sight(connection)
    connection.execute(journal.JOURNAL)
    for migration in missing:
        _apply(connection, migration)
        print(f"applied {migration.version} {migration.name}")
    journal.grant(connection)


def down(connection: Connection, known: tuple[Migration, ...], target: str) -> None:
    """Take back, newest first, everything after ``target``; nothing at all if something has no place there."""
    if target not in (EMPTY, *(migration.version for migration in known)):
        raise MigrationError(f"This tree knows no schema version {target!r}; see: migrate list")
    present = _matching(applied(connection), known)
    if target not in (EMPTY, *(migration.version for migration in present)):
        raise MigrationError(f"The schema is older than {target}. Bring it forward with: migrate up")
    leaving = tuple(migration for migration in present if migration.version > target)
    journal.prove_sight(connection)
    journal.refuse_loss(connection, leaving)
    for migration in reversed(leaving):
        _revert(connection, migration)
        print(f"took back {migration.version} {migration.name}")


def _matching(present: tuple[str, ...], known: tuple[Migration, ...]) -> tuple[Migration, ...]:
    """The applied migrations. Raises if the database holds one that this tree does not know."""
    versions = tuple(version.removesuffix(PARTIAL) for version in present)
    if versions != tuple(migration.version for migration in known[: len(versions)]):
        raise MigrationError("The schema is of a tree that this one does not know. Use the tree that applied it.")
    return known[: len(versions)]


def _apply(connection: Connection, migration: Migration) -> None:
    def finish() -> None:
        journal.record(connection, migration, finished=True)
        journal.grant(connection)
        journal.prove_sight(connection)

    if not migration.up.transactional:
        journal.record(connection, migration, finished=False)
    _execute(connection, migration.up, finish)


def _revert(connection: Connection, migration: Migration) -> None:
    def finish() -> None:
        journal.refuse_loss(connection, (migration,))  # again, for in a transaction nobody can add anything now
        journal.forget(connection, migration)

    if not migration.down.transactional:
        journal.record(connection, migration, finished=False)
    _execute(connection, migration.down, finish)


def _execute(connection: Connection, script: Script, finish: Callable[[], None]) -> None:
    """Send a script; a transactional one together with ``finish``, the bookkeeping."""
    if not script.transactional:
        for statement in script.statements:
            _persistently(partial(connection.execute, statement.encode()))
        finish()
        return

    def at_once() -> None:
        with connection.transaction():
            connection.execute(script.sql.encode())
            finish()

    _persistently(at_once)


def _persistently(act: Callable[[], object]) -> None:
    """Act; if others hold what it needs, let them go first and try again. What is tried begins from nothing."""
    for _ in range(TRIES - 1):
        try:
            act()
        except GAVE_WAY:
            time.sleep(PAUSE_SECONDS)
        else:
            return
    act()


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
        psycopg.errors.InsufficientPrivilege: "Who migrates owns the tables and has: BYPASSRLS CREATEROLE.",
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
    """A connection in autocommit. The time-outs are those it begins with, so that RESET brings them back."""
    url = os.environ.get("MIGRATION_DATABASE_URL") or os.environ.get("DATABASE_URL")
    if not url:
        raise MigrationError("No database: set MIGRATION_DATABASE_URL or DATABASE_URL.")
    try:
        given = str(conninfo_to_dict(url).get("options") or os.environ.get("PGOPTIONS", ""))
        options = f"{given} {_limits()}".strip()
        connection: Connection = psycopg.connect(url, autocommit=True, connect_timeout=10, options=options)
    except psycopg.Error as error:
        raise MigrationError(f"The database cannot be reached: {unreachable(error)}. Nothing was changed.") from None
    with connection:
        yield connection


def _limits() -> str:
    limits = {"lock_timeout": os.environ.get("LOCK_TIMEOUT") or LOCK_TIMEOUT}
    if statement := os.environ.get("STATEMENT_TIMEOUT"):
        limits["statement_timeout"] = statement
    for name, value in limits.items():
        if not DURATION.fullmatch(value):
            raise MigrationError(f"{name.upper()} is {value!r}. Set it as in 2s or 500ms. Nothing was changed.")
    return " ".join(f"-c {name}={value}" for name, value in limits.items())


def unreachable(error: psycopg.Error) -> str:
    """Why a connection failed, in words that hold no part of its URL: libpq quotes pieces of one it cannot parse."""
    known = ("Connection refused", "authentication failed", "does not exist", "No such file", "timeout expired")
    return next((words for words in known if words in str(error)), "check the host, the port and the credentials")
