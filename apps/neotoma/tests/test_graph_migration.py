"""Claims about migration 0008: what is there already is on the timeline, and every way back is whole."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from apps.neotoma.tests.support import Database, Server, within
from apps.neotoma.tests.support_schema import brought, failing_down, failing_up, shape, taken

from neotoma import migrations
from neotoma.settings import OWNER

KNOWN = migrations.read(Path(__file__).parents[1] / "migrations")
BEFORE = tuple(migration for migration in KNOWN if migration.version < "0008")
GRAPH = next(migration for migration in KNOWN if migration.version == "0008")
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
ENTITIES = """
INSERT INTO entities (user_id, id, type, name, snapshot, deleted) SELECT %s, 'ent_' || n, 'thing', 'n',
  jsonb_build_object('at', jsonb_build_object('value', CASE WHEN n %% 10 = 7 THEN '2026-02-30' ELSE '2026-01-31' END,
    'type', CASE WHEN n %% 10 = 8 THEN 'text' ELSE 'date' END, 'observation', 'obs')), n %% 10 = 9
FROM generate_series(1, %s) n
"""


@pytest.fixture
def before(server: Server) -> Database:
    """A database of the schema before."""
    database = server.database()
    brought(database, BEFORE)
    return database


def fill(database: Database, count: int) -> None:
    """Some entities of the legacy owner."""
    with psycopg.connect(database.url("owner")) as connection:
        connection.execute(ENTITIES, (UUID(OWNER), count))


def events(database: Database) -> int:
    """How many events there are."""
    ((count,),) = database.query("SELECT count(*) FROM timeline_events")
    return int(count)


def test_what_is_there_comes_onto_the_timeline_in_batches(before: Database) -> None:
    fill(before, 2_500)
    brought(before, (*BEFORE, GRAPH))
    assert events(before) == 2_500 * 7 // 10


@pytest.mark.parametrize("statements", range(1, len(GRAPH.up.statements), 7))
def test_from_half_way_up_it_goes_back_whole(before: Database, statements: int) -> None:
    fill(before, 10)
    empty = shape(before)
    with pytest.raises(psycopg.Error):
        brought(before, (*BEFORE, failing_up(GRAPH, statements)))
    taken(before, (*BEFORE, GRAPH), "0007")
    assert shape(before) == empty
    brought(before, (*BEFORE, GRAPH))
    assert events(before) == 7


@pytest.mark.parametrize("statements", range(1, len(GRAPH.down.statements), 7))
def test_from_half_way_down_it_goes_back_whole(before: Database, statements: int) -> None:
    empty = shape(before)
    brought(before, (*BEFORE, GRAPH))
    with pytest.raises(psycopg.Error):
        taken(before, (*BEFORE, failing_down(GRAPH, statements)), "0007")
    taken(before, (*BEFORE, GRAPH), "0007")
    assert shape(before) == empty


def test_a_write_during_the_backfill_is_neither_lost_nor_stale(before: Database) -> None:
    fill(before, 3_000)
    backfill = next(number for number, one in enumerate(GRAPH.up.statements) if "last_user" in one)
    with psycopg.connect(before.url("owner"), autocommit=True) as migration:
        for statement in GRAPH.up.statements[:backfill]:
            migration.execute(statement.encode())
        with psycopg.connect(before.url("owner")) as writer, ThreadPoolExecutor(1) as beside:
            writer.execute("UPDATE entities SET name = name WHERE id = 'ent_1'")
            filling = beside.submit(migration.execute, GRAPH.up.statements[backfill].encode())
            within(20, lambda: before.query(WAITING) != [(0,)])
            writer.execute("UPDATE entities SET snapshot = '{}' WHERE id = 'ent_1'")
            writer.execute("UPDATE entities SET deleted = false WHERE id = 'ent_9'")
            writer.commit()
            filling.result(30)
    told = before.query("SELECT entity_id FROM timeline_events WHERE entity_id IN ('ent_1', 'ent_9')")
    assert told == [("ent_9",)]
    assert events(before) == 3_000 * 7 // 10
