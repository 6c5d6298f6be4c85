"""From wherever a migration stopped there is a way back to exactly what was before, unless somebody would lose."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from apps.neotoma.history import build
from apps.neotoma.tests.support import OWNER, Database, Server, migrate, migrating_environment, within
from apps.neotoma.tests.support_schema import (
    SOURCE,
    brought,
    copied,
    failing_down,
    failing_up,
    invalid_indexes,
    shape,
    taken,
)

from neotoma.migrations import read

Trees = Callable[[str], Path]
KNOWN = read()
OUTSIDE = [number for number, migration in enumerate(KNOWN) if not migration.up.transactional]
BACK = [number for number, migration in enumerate(KNOWN) if not migration.down.transactional]


@pytest.mark.parametrize("number", OUTSIDE, ids=[KNOWN[number].version for number in OUTSIDE])
def test_from_wherever_it_failed_a_migration_goes_down_to_exactly_what_was_before(server: Server, number: int) -> None:
    before = server.database()
    brought(before, KNOWN[:number])
    wanted, target = shape(before), (("0", *(migration.version for migration in KNOWN))[number])
    for statements in range(len(KNOWN[number].up.statements) + 1):
        database = copied(server, before)
        with pytest.raises(psycopg.errors.DivisionByZero):
            brought(database, (*KNOWN[:number], failing_up(KNOWN[number], statements)))
        assert database.query("SELECT max(version) FROM schema_migrations WHERE NOT finished") == [
            (KNOWN[number].version,)
        ]
        taken(database, KNOWN, target)
        assert shape(database) == wanted, f"after {statements} statements"
        server.drop(database)


@pytest.mark.parametrize("number", BACK, ids=[KNOWN[number].version for number in BACK])
def test_from_wherever_the_way_down_failed_it_goes_on(server: Server, number: int) -> None:
    before, after = server.database(), server.database()
    brought(before, KNOWN[:number])
    brought(after, KNOWN[: number + 1])
    wanted, target = shape(before), (("0", *(migration.version for migration in KNOWN))[number])
    for statements in range(len(KNOWN[number].down.statements) + 1):
        database = copied(server, after)
        with pytest.raises(psycopg.errors.DivisionByZero):
            taken(database, (*KNOWN[:number], failing_down(KNOWN[number], statements)), target)
        taken(database, KNOWN[: number + 1], target)
        assert shape(database) == wanted, f"after {statements} statements"
        server.drop(database)


def killed_on_the_way(tree: Path, database: Database, *words: str) -> None:
    """Run a migration, and end it for good when it has half an index of ``observations``, which somebody holds."""
    noticed = {"PGOPTIONS": "-c client_connection_check_interval=50"}  # or the server goes on without its client
    command = [sys.executable, "-m", "neotoma", "migrate", *words]
    process = subprocess.Popen(command, env=migrating_environment(tree, database) | noticed)
    within(20, lambda: invalid_indexes(database, "observations") == 1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    working = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE%INDEX%'"
    within(20, lambda: database.query(working) == [])
    assert invalid_indexes(database, "observations") == 1


def test_a_migration_that_is_killed_goes_down_from_there(tree: Trees, database: Database) -> None:
    brought(database, KNOWN[:3])
    wanted = shape(database)
    with psycopg.connect(database.url("owner")) as holder:
        holder.execute("LOCK TABLE observations IN ROW EXCLUSIVE MODE")  # a concurrent index waits for it
        killed_on_the_way(tree(build.CURRENT), database, "up")
    assert migrate(tree(build.CURRENT), database, "current").stdout == "0004-partial\n"
    again = migrate(tree(build.CURRENT), database, "up")
    assert again.returncode == 1
    assert "migrate down --to 0003" in again.stderr
    within(20, lambda: migrate(tree(build.CURRENT), database, "down", "--to", "0003").returncode == 0)
    assert shape(database) == wanted
    assert migrate(tree(build.CURRENT), database, "up").returncode == 0


def test_a_way_back_that_is_killed_goes_on_and_uses_no_index_that_is_half_made(tree: Trees, database: Database) -> None:
    brought(database, KNOWN[:3])
    wanted = shape(database)
    brought(database, KNOWN[:4])
    with psycopg.connect(database.url("owner")) as holder:
        holder.execute("LOCK TABLE observations IN ROW EXCLUSIVE MODE")
        killed_on_the_way(tree(build.CURRENT), database, "down", "--to", "0003")
    within(20, lambda: migrate(tree(build.CURRENT), database, "down", "--to", "0003").returncode == 0)
    assert shape(database) == wanted


def test_nothing_is_taken_back_while_other_users_have_rows(tree: Trees, database: Database) -> None:
    current = tree(build.CURRENT)
    assert migrate(current, database, "up").returncode == 0
    other = "11111111-1111-4111-8111-111111111111"
    database.query(f"INSERT INTO users (user_id, email) VALUES ('{other}', 'other@example.org')")
    for user, source in ((OWNER, "src_1"), (other, "src_2"), (other, "src_3")):
        database.query(f"SELECT set_config('neotoma.user_id', '{user}', false); {SOURCE.format(source)}")
    before = shape(database)
    for target in ("0004", "0001", "0"):
        refused = migrate(current, database, "down", "--to", target)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "1 other users, with 2 sources, 0 entities, 0 observations and 0 relationships" in refused.stderr
        assert "The schema is now at 0008." in refused.stderr
    assert shape(database) == before
    database.query(f"DELETE FROM users WHERE user_id = '{other}'")
    assert migrate(current, database, "down", "--to", "0001").returncode == 0
    assert database.query("SELECT id FROM sources") == [("src_1",)]


def test_a_user_goes_with_everything_also_in_a_restored_database(tree: Trees, database: Database) -> None:
    assert migrate(tree(build.CURRENT), database, "up").returncode == 0
    database.query(f"""
        SELECT set_config('neotoma.user_id', '{OWNER}', false); {SOURCE.format("src_1")};
        INSERT INTO chunks (source_id, position, place, text) VALUES ('src_1', 0, 'line 1', 'x');
        INSERT INTO entities (id, type, name) VALUES ('ent_1', 'a', 'a'), ('ent_2', 'a', 'b');
        UPDATE entities SET merged_into = 'ent_1' WHERE id = 'ent_2';
        INSERT INTO observations (id, entity_id, source_id, kind, fields)
          VALUES ('obs_1', 'ent_1', 'src_1', 'extracted', '{{}}');
        INSERT INTO relationships (id, type, from_id, to_id, source_id)
          VALUES ('rel_1', 'knows', 'ent_1', 'ent_2', 'src_1')
    """)
    # A restored database has the constraints in another order, and fires them so.
    for table in ("entities", "sources", "chunks", "observations", "relationships"):
        ((told,),) = database.query(
            f"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = '{table}_user'"
        )
        database.query(f"ALTER TABLE {table} DROP CONSTRAINT {table}_user, ADD CONSTRAINT {table}_user {told}")
    asking = f"SET neotoma.user_id = '{OWNER}'; SET ROLE neotoma_member; SELECT account_delete()"
    database.query(asking, role="app")
    for table in ("sources", "chunks", "entities", "observations", "relationships"):
        assert database.query(f"SELECT count(*) FROM {table}") == [(0,)]
