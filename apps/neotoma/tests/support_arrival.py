"""What the tests of arrival and operations stand on: services of this very tree."""

from pathlib import Path

from apps.neotoma.tests.support import Database, Server, migrate

HERE = Path(__file__).parents[1]
"""The tree that the tests are in."""


def migrated(server: Server) -> Database:
    """A new database with the newest schema."""
    database = server.database()
    run = migrate(HERE, database, "up")
    assert run.returncode == 0, run.stdout + run.stderr
    return database
