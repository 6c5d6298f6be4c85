"""Migrations of the shop: ``migrate.py up``, ``migrate.py down --to 0001``, ``migrate.py current``.

A file and its line in ``migration_log`` are one transaction, so the log tells how often each was really applied. A file
that begins with ``-- not in a transaction`` runs statement by statement and is logged at its beginning and its end.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import psycopg

FILES = Path(__file__).with_name("migrations")
LOOSE = "-- not in a transaction"
LOG = (
    "CREATE TABLE IF NOT EXISTS migration_log (id serial PRIMARY KEY, name text NOT NULL, direction text NOT NULL, "
    "at timestamptz NOT NULL DEFAULT clock_timestamp())"
)
Database = psycopg.Connection[Any]


def standing(database: Database) -> dict[str, str]:
    """Migration → ``up``, or ``begun`` if it may be half-way; what was taken back is not in it."""
    if database.execute("SELECT to_regclass('migration_log')").fetchone() == (None,):
        return {}
    last = dict(database.execute("SELECT name, direction FROM migration_log ORDER BY id"))
    return {name: last[name] for name in sorted(last) if last[name] != "down"}


def apply(database: Database, name: str, direction: str) -> None:
    content = next(FILES.glob(f"{name}*.{direction}.sql")).read_text()
    print(f"{name} {direction} ...", flush=True)
    if content.startswith(LOOSE):
        write_down(database, name, "begun")
        for statement in content.split(";\n"):
            database.execute(statement.encode())
        write_down(database, name, direction)
    else:
        with database.transaction():
            database.execute(content.encode())
            write_down(database, name, direction)
    print(f"{name} {direction} done", flush=True)


def write_down(database: Database, name: str, direction: str) -> None:
    database.execute("INSERT INTO migration_log (name, direction) VALUES (%s, %s)", [name, direction])
    database.execute(f'GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO "{os.environ["APP_ROLE"]}"'.encode())
    database.execute(f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{os.environ["APP_ROLE"]}"'.encode())


def main(arguments: list[str]) -> None:
    with psycopg.connect(os.environ["MIGRATION_DATABASE_URL"], autocommit=True) as database:
        if arguments == ["current"]:
            print(max((name for name, how in standing(database).items() if how == "up"), default="0000"))
            return
        # The server goes on for a while with what a killed run had asked for.
        database.execute("SET lock_timeout = '20s'")
        database.execute("SELECT pg_advisory_lock(1)")
        database.execute("RESET lock_timeout")
        database.execute(LOG.encode())
        done = standing(database)
        if arguments == ["up"]:
            for name in sorted(path.name[:4] for path in FILES.glob("*.up.sql")):
                if done.get(name) != "up":
                    apply(database, name, "up")
        else:
            _, _, to = arguments
            for name in reversed([name for name in done if name > to]):
                apply(database, name, "down")


if __name__ == "__main__":
    main(sys.argv[1:])
