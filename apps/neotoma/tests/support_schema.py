"""Schemas to compare, and runs of a migration that end where a test wants them to."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from apps.neotoma.tests.support import BINARIES, Database, Server

from neotoma.journal import Connection
from neotoma.migrate import down, up
from neotoma.migrations import NO_TRANSACTION, Migration, Script

FAILS = "SELECT 1 / 0"
SOURCE = (
    "INSERT INTO sources (id, sha256, name, media_type, bytes, kind, status) "
    "VALUES ('{0}', '{0}', 'a.txt', 'text/plain', 4, 'file', 'ready')"
)


def shape(database: Database) -> str:
    """Everything about the schema that pg_dump knows: tables, constraints, indexes, policies, functions, rights."""
    command = [
        str(BINARIES / "pg_dump"),
        "--schema-only",
        "--exclude-table=schema_migrations",
        database.url("postgres"),
    ]
    dumped = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in dumped.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def invalid_indexes(database: Database, table: str) -> int:
    """How many indexes of a table a CREATE INDEX CONCURRENTLY has begun, and not finished or not yet."""
    counting = f"SELECT count(*) FROM pg_index WHERE NOT indisvalid AND indrelid = '{table}'::regclass"
    ((count,),) = database.query(counting)
    return int(count)


def copied(server: Server, template: Database) -> Database:
    """A database like another, which nobody is connected to."""
    server.created += 1
    database = Database(f"n{server.created}", server.folder)
    Database("postgres", server.folder).query(f"CREATE DATABASE {database.name} TEMPLATE {template.name} OWNER owner")
    return database


@contextmanager
def migrating(database: Database) -> Iterator[Connection]:
    """The connection that a migration has."""
    with psycopg.connect(database.url("owner"), autocommit=True, options="-c lock_timeout=500ms") as connection:
        yield connection


def brought(database: Database, known: tuple[Migration, ...]) -> None:
    """Bring the schema to the last of these, for the role ``app``."""
    with migrating(database) as connection, pytest.MonkeyPatch.context() as patch:
        patch.setenv("APP_ROLE", "app")
        up(connection, known)


def taken(database: Database, known: tuple[Migration, ...], target: str) -> None:
    """Take the schema back."""
    with migrating(database) as connection:
        down(connection, known, target)


def failing_after(script: Script, statements: int) -> Script:
    """The same script outside a transaction, until it fails after that many statements."""
    assert not script.transactional
    kept = script.statements[:statements]
    return Script(";\n".join([NO_TRANSACTION, *kept, FAILS]) + ";\n")


def failing_up(migration: Migration, statements: int) -> Migration:
    """A migration whose way up ends early."""
    return replace(migration, up=failing_after(migration.up, statements))


def failing_down(migration: Migration, statements: int) -> Migration:
    """A migration whose way down ends early."""
    return replace(migration, down=failing_after(migration.down, statements))
