"""Claims about the counts of what must not be: what is planted is counted, and who cannot see says so."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from apps.neotoma.tests.support import Database, Server, migrate
from apps.neotoma.tests.support_memory import Memory
from hypothesis import given, settings
from hypothesis import strategies as st

from neotoma.memory import integrity, merges, relationships
from neotoma.memory.integrity import Integrity, Untold, circles

HERE = Path(__file__).parents[1]
UNTOLD = 2


@pytest.fixture
def database(server: Server) -> Database:
    """A database of its own, for what is planted stays."""
    database = server.database()
    assert migrate(HERE, database, "up").returncode == 0
    return database


@pytest.fixture
def memory(database: Database) -> Memory:
    """Somebody's memory."""
    return Memory(database)


def plant(database: Database, *statements: str) -> None:
    """Write past every constraint and trigger."""
    with psycopg.connect(database.url("postgres")) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(statement.encode())


async def counted(memory: Memory) -> Integrity:
    """What the service counts."""
    async with memory.open() as connection:
        return await integrity.count(connection)


def told(database: Database, *words: str, role: str = "owner") -> subprocess.CompletedProcess[str]:
    """Run ``neotoma integrity``."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(HERE / "src"), "PYTHONWARNINGS": "error"}
    if role:
        environment["MIGRATION_DATABASE_URL"] = database.url(role)
    command = [sys.executable, "-m", "neotoma", "integrity", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def chain(length: int, *more: tuple[int, int], user: str) -> tuple[str, ...]:
    """Statements that write a chain of ``length`` relationships, and some between others of its ends."""
    whose, part = f"SELECT '{user}'::uuid", "INSERT INTO relationships (user_id, id, type, from_id, to_id)"
    nodes, steps = f"FROM generate_series(0, {length}) n", f"FROM generate_series(0, {length} - 1) n"
    return (
        f"INSERT INTO entities (user_id, id, type, name) {whose}, 'n' || n, 'thing', 'n' {nodes}",
        "INSERT INTO observations (user_id, id, entity_id, kind, fields) "
        f"{whose}, 'o' || n, 'n' || n, 'correction', '{{}}' {nodes}",
        f"{part} {whose}, 'r' || n, 'part_of', 'n' || n, 'n' || n + 1 {steps}",
        *(f"{part} {whose}, 'more{n}', 'part_of', 'n{a}', 'n{b}'" for n, (a, b) in enumerate(more)),
        "ANALYZE",
    )


@pytest.mark.anyio
async def test_a_sound_memory_counts_zero(memory: Memory) -> None:
    a, b, c = [await memory.say(name, born="2026-01-01") for name in "abc"]
    async with memory.open() as connection:
        await relationships.create(connection, "part_of", a, b)
        await merges.merge(connection, b, c)
    assert await counted(memory) == Integrity(0, 0)
    done = told(memory.database, "--snapshots")
    assert (done.returncode, done.stdout) == (0, "orphans 0\ncycles 0\nstale snapshots 0\n")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("planted", "orphans"),
    [
        ("DELETE FROM entities WHERE id = '{a}'", 5),  # of an observation, two relationships, an event and a merge
        ("DELETE FROM observations WHERE entity_id = '{lone}'", 1),
        ("DELETE FROM sources", 8),  # of four observations and four chunks
        ("UPDATE entities SET merged_into = 'ent_none' WHERE id = '{lone}'", 1),
        ("UPDATE relationships SET source_id = 'src_none'", 2),
    ],
)
async def test_planted_orphans_are_counted(memory: Memory, planted: str, orphans: int) -> None:
    a, b, c, lone = [await memory.say(name, record=name, born="2026-01-01") for name in ("a", "b", "c", "lone")]
    async with memory.open() as connection:
        await relationships.create(connection, "knows", a, b)
        await relationships.create(connection, "likes", b, a)
        await merges.merge(connection, c, a)
    plant(memory.database, planted.format(a=a, lone=lone))
    assert (await counted(memory)).orphans == orphans
    assert told(memory.database).returncode == 1


@pytest.mark.anyio
async def test_planted_circles_are_counted_as_groups_by_type(memory: Memory) -> None:
    plant(memory.database, *chain(9, (3, 0), (8, 6), user=str(memory.user)))
    assert (await counted(memory)).cycles == 2
    done = told(memory.database)
    assert (done.returncode, done.stdout) == (1, "orphans 0\ncycles 2\n")
    plant(memory.database, "UPDATE relationships SET type = 'knows' WHERE id = 'more0'")
    plant(memory.database, "UPDATE relationships SET deleted_at = now() WHERE id = 'more1'")
    assert (await counted(memory)).cycles == 0


@pytest.mark.anyio
async def test_a_circle_that_only_a_merge_closes_is_counted_and_so_is_one_of_merges(memory: Memory) -> None:
    plant(memory.database, *chain(5, user=str(memory.user)))
    plant(memory.database, "UPDATE entities SET merged_into = 'n0' WHERE id = 'n3'")
    assert (await counted(memory)).cycles == 1
    plant(memory.database, "UPDATE entities SET merged_into = 'n3' WHERE id = 'n0'")
    assert (await counted(memory)).cycles == 1


@pytest.mark.anyio
async def test_equal_ids_of_two_users_are_two(memory: Memory) -> None:
    other = Memory(memory.database)
    plant(memory.database, *chain(1, user=str(memory.user)), *chain(1, user=str(other.user)))
    plant(memory.database, f"UPDATE relationships SET from_id = 'n1', to_id = 'n0' WHERE user_id = '{other.user}'")
    assert (await counted(memory)).cycles == 0


@pytest.mark.anyio
async def test_a_stale_snapshot_is_counted(memory: Memory) -> None:
    id = await memory.say("a", city="Rome")
    await memory.say("b", city="Rome")
    plant(memory.database, f"UPDATE entities SET snapshot = '{{}}' WHERE id = '{id}'")
    done = told(memory.database, "--snapshots")
    assert (done.returncode, "stale snapshots 1" in done.stdout) == (1, True)


def test_who_does_not_see_all_rows_cannot_tell(database: Database) -> None:
    for role in ("app", ""):
        done = told(database, role=role)
        assert (done.returncode, done.stdout) == (UNTOLD, "")
        assert done.stderr.startswith("Could not tell.")
    database.query("DELETE FROM planted")
    assert told(database).returncode == UNTOLD


def test_an_older_schema_cannot_tell(server: Server) -> None:
    assert told(server.database()).returncode == UNTOLD


@pytest.mark.anyio
async def test_the_service_does_not_count_when_the_counter_is_blind(memory: Memory) -> None:
    plant(memory.database, "DELETE FROM planted")
    with pytest.raises(Untold):
        await counted(memory)


@pytest.mark.anyio
async def test_one_long_chain_and_the_ring_that_one_more_makes_of_it_are_told_apart(memory: Memory) -> None:
    plant(memory.database, *chain(5_000, user=str(memory.user)))
    assert await counted(memory) == Integrity(0, 0)
    plant(
        memory.database,
        "INSERT INTO relationships (user_id, id, type, from_id, to_id) "
        f"VALUES ('{memory.user}', 'back', 'part_of', 'n5000', 'n0')",
    )
    assert await counted(memory) == Integrity(0, 1)


def _reachable(edges: set[tuple[int, int]], start: int) -> set[int]:
    seen: set[int] = set()
    ahead = [start]
    while ahead:
        node = ahead.pop()
        for a, b in edges:
            if a == node and b not in seen:
                seen.add(b)
                ahead.append(b)
    return seen


@settings(deadline=None)
@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=24))
def test_circles_are_groups_all_reachable_from_each_other(edges: set[tuple[int, int]]) -> None:
    reached = {node: _reachable(edges, node) for node in range(8)}
    groups = {frozenset(b for b in range(8) if b == a or (b in reached[a] and a in reached[b])) for a in range(8)}
    assert circles((1, *edge) for edge in edges) == sum(len(group) > 1 for group in groups)


def test_a_circle_of_any_length_is_one() -> None:
    assert circles([(1, n, (n + 1) % 100_000) for n in range(100_000)]) == 1
    assert asyncio.run(asyncio.sleep(0, circles([]))) == 0
