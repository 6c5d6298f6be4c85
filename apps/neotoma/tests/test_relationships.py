"""Claims about relationships: no circle, whoever inserts and whenever."""

import asyncio

import psycopg
import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_memory import Memory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neotoma.extraction.model import Found, Link
from neotoma.memory import entities, integrity, merges, recording, relationships
from neotoma.memory.errors import Conflict, Invalid, NotThere
from neotoma.memory.model import ACYCLIC

pytestmark = pytest.mark.anyio


@pytest.fixture
def memory(current_database: Database) -> Memory:
    """Somebody's empty memory."""
    return Memory(current_database)


async def named(memory: Memory, *names: str) -> list[str]:
    """Some entities."""
    async with memory.open() as connection:
        record = [{"type": "thing", "name": name} for name in names]
        return list((await recording.store(connection, "things", record, [])).entity_ids)


async def cycles(memory: Memory) -> int:
    """How many circles there are."""
    async with memory.open() as connection:
        return (await integrity.count(connection)).cycles


async def test_a_relationship_is_made_once_taken_back_and_made_again(memory: Memory) -> None:
    a, b = await named(memory, "a", "b")
    async with memory.open() as connection:
        made = await relationships.create(connection, "knows", a, b)
        assert await relationships.create(connection, "knows", a, b) == made
        assert [(one.id, other.id) for one, other in await relationships.related(connection, a)] == [(made.id, b)]
        await relationships.delete(connection, made.id)
        await relationships.delete(connection, made.id)
        assert await relationships.related(connection, a) == []
        again = await relationships.create(connection, "knows", a, b)
    assert (again.id, again.deleted_at) == (made.id, None)
    assert again.created_at > made.created_at


async def test_relationships_are_as_they_were_at_any_time(memory: Memory) -> None:
    a, b = await named(memory, "a", "b")
    times = [await memory.now()]
    for act in ("make", "take back", "make", "take back"):
        async with memory.open() as connection:
            if act == "make":
                id = (await relationships.create(connection, "knows", a, b)).id
            else:
                await relationships.delete(connection, id)
        times.append(await memory.now())
    async with memory.open() as connection:
        there = [len(await relationships.related(connection, b, at=at)) for at in times]
    assert there == [0, 1, 0, 1, 0]


async def test_direction_and_type_are_filters(memory: Memory) -> None:
    a, b, c = await named(memory, "a", "b", "c")
    async with memory.open() as connection:
        await relationships.create(connection, "knows", a, b)
        await relationships.create(connection, "likes", c, a)

        async def ends(*words: str) -> list[str]:
            return [other.name for _, other in await relationships.related(connection, a, *words)]

        assert await ends() == ["b", "c"]
        assert (await ends("knows"), await ends("likes", "out"), await ends("likes", "in")) == (["b"], [], ["c"])
        with pytest.raises(Invalid):
            await ends("knows", "sideways")


@pytest.mark.parametrize("type", ACYCLIC)
async def test_a_circle_is_refused_and_the_transaction_goes_on(memory: Memory, type: str) -> None:
    a, b, c = await named(memory, "a", "b", "c")
    async with memory.open() as connection:
        await relationships.create(connection, type, a, b)
        await relationships.create(connection, type, b, c)
        with pytest.raises(Conflict) as refused:
            await relationships.create(connection, type, c, a)
        await relationships.create(connection, "knows", c, a)
    assert refused.value.code == "cycle"
    assert await cycles(memory) == 0


async def test_making_again_what_would_now_close_a_circle_is_refused(memory: Memory) -> None:
    a, b = await named(memory, "a", "b")
    async with memory.open() as connection:
        made = await relationships.create(connection, "part_of", a, b)
        await relationships.delete(connection, made.id)
        await relationships.create(connection, "part_of", b, a)
        with pytest.raises(Conflict):
            await relationships.create(connection, "part_of", a, b)


@pytest.mark.parametrize(("type", "end"), [("Part", 1), ("x" * 41, 1), ("", 1), ("part_of", 0)])
async def test_what_makes_no_sense_is_refused(memory: Memory, type: str, end: int) -> None:
    ids = await named(memory, "a", "b")
    async with memory.open() as connection:
        with pytest.raises(Invalid):
            await relationships.create(connection, type, ids[0], ids[end])
        with pytest.raises(NotThere):
            await relationships.create(connection, "part_of", ids[0], "ent_none")
        with pytest.raises(NotThere):
            await relationships.delete(connection, "rel_none")


async def test_many_who_close_a_ring_at_once_make_no_circle(memory: Memory) -> None:
    for attempt in range(4):
        ids = await named(memory, *(f"{attempt} {number}" for number in range(12)))

        async def relate(start: str, end: str) -> bool:
            async with memory.open() as connection:
                try:
                    await relationships.create(connection, "part_of", start, end)
                except Conflict:
                    return False
                return True

        made = await asyncio.gather(*(relate(*pair) for pair in zip(ids, [*ids[1:], ids[0]], strict=True)))
        assert made.count(False) == 1
        assert await cycles(memory) == 0


async def test_two_users_do_not_wait_for_each_other(memory: Memory) -> None:
    other = Memory(memory.database)
    a, b = await named(memory, "a", "b")
    c, d = await named(other, "a", "b")
    async with memory.open() as mine, other.open() as theirs:
        await relationships.create(mine, "part_of", a, b)
        await asyncio.wait_for(relationships.create(theirs, "part_of", d, c), 5)


async def test_repeatable_read_is_refused_for_it_cannot_see_the_others(memory: Memory) -> None:
    a, b = await named(memory, "a", "b")
    async with memory.open() as connection:
        user = memory.user
        await connection.rollback()
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await connection.execute("SELECT set_config('neotoma.user_id', %s, true)", (str(user),))
        with pytest.raises(psycopg.errors.InvalidTransactionState):
            await relationships.create(connection, "part_of", a, b)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=14))
def test_the_database_refuses_exactly_what_closes_a_circle(
    current_database: Database, pairs: list[tuple[int, int]]
) -> None:
    async def run() -> None:
        memory = Memory(current_database)
        ids = await named(memory, *map(str, range(6)))
        edges: set[tuple[int, int]] = set()
        async with memory.open() as connection:
            for start, end in pairs:
                closes = integrity.circles([(1, *edge) for edge in {*edges, (start, end)}]) > 0
                try:
                    await relationships.create(connection, "part_of", ids[start], ids[end])
                    assert not closes
                    edges.add((start, end))
                except Conflict:
                    assert closes
                except Invalid:
                    assert start == end

    asyncio.run(run())


async def test_a_file_only_loses_a_link_that_closes_a_circle_and_a_record_is_refused(memory: Memory) -> None:
    a, b = await named(memory, "a", "b")
    record = [{"type": "thing", "name": name} for name in ("a", "b", "c")]
    async with memory.open() as connection:
        await relationships.create(connection, "part_of", a, b)
        source = (await recording.store(connection, "file", [{"type": "thing", "name": "x"}], [])).source_id
        found = [Found("thing", name, {}) for name in ("a", "b", "c")]
        await recording.record(connection, source, "extracted", found, [Link("part_of", 1, 0), Link("part_of", 1, 2)])
        assert [other.name for _, other in await relationships.related(connection, b, "part_of")] == ["a", "c"]
        with pytest.raises(Conflict):
            await recording.store(connection, "r", record, [{"type": "part_of", "from": 1, "to": "a"}])


async def test_a_record_relates_by_position_name_and_known_id(memory: Memory) -> None:
    (known,) = await named(memory, "known")
    record = [{"type": "thing", "name": name} for name in ("a", "b")]
    links = [{"type": "knows", "from": 0, "to": "b"}, {"type": "knows", "from": "a", "to": known}]
    async with memory.open() as connection:
        stored = await recording.store(connection, "r", record, links)
        found = await relationships.related(connection, stored.entity_ids[0])
        assert sorted(other.name for _, other in found) == ["b", "known"]
    async with memory.open() as connection:
        with pytest.raises(NotThere):
            await recording.store(connection, "r2", record, [{"type": "knows", "from": 0, "to": f"ent_{'0' * 24}"}])
        await connection.rollback()


async def test_relationships_go_with_the_source_that_said_them(memory: Memory) -> None:
    record = [{"type": "thing", "name": name} for name in ("a", "b")]
    async with memory.open() as connection:
        stored = await recording.store(connection, "r", record, [{"type": "knows", "from": 0, "to": 1}])
        for id in stored.entity_ids:
            await entities.correct(connection, id, {"kept": "yes"})
        await recording.forget(connection, stored.source_id)
        assert await relationships.related(connection, stored.entity_ids[0]) == []


async def test_what_two_sources_say_stays_until_both_are_forgotten(memory: Memory) -> None:
    record = [{"type": "thing", "name": name} for name in ("a", "b")]
    link = [{"type": "knows", "from": 0, "to": 1}]
    async with memory.open() as connection:
        first, second = [await recording.store(connection, name, record, link) for name in ("r", "s")]
        a = first.entity_ids[0]
        await recording.forget(connection, first.source_id)
        assert [one.source_id for one, _ in await relationships.related(connection, a)] == [second.source_id]
        await recording.forget(connection, second.source_id)
        with pytest.raises(NotThere):
            await entities.find(connection, a)


async def test_what_a_person_says_stays_when_a_source_that_said_it_too_is_forgotten(memory: Memory) -> None:
    record = [{"type": "thing", "name": name} for name in ("a", "b")]
    async with memory.open() as connection:
        await recording.store(connection, "others", record, [])
        stored = await recording.store(connection, "r", record, [{"type": "knows", "from": 0, "to": 1}])
        a, b = stored.entity_ids
        await relationships.create(connection, "knows", a, b)
        await recording.forget(connection, stored.source_id)
        assert [other.id for _, other in await relationships.related(connection, a)] == [b]


async def test_a_deleted_entity_is_not_shown_as_related(memory: Memory) -> None:
    a, b = await named(memory, "a", "b")
    async with memory.open() as connection:
        await relationships.create(connection, "knows", a, b)
        await entities.delete(connection, b)
        assert await relationships.related(connection, a) == []
        with pytest.raises(Conflict):
            await relationships.create(connection, "likes", a, b)


async def test_a_merge_and_a_relationship_at_once_make_no_circle(memory: Memory) -> None:
    for attempt in range(6):
        a, b, c = await named(memory, *(f"{attempt} {name}" for name in "abc"))
        async with memory.open() as connection:
            await relationships.create(connection, "part_of", a, b)

        async def relate(start: str, end: str) -> None:
            async with memory.open() as connection:
                await relationships.create(connection, "part_of", start, end)

        async def merge(start: str, end: str) -> None:
            async with memory.open() as connection:
                await merges.merge(connection, start, end)

        ended = await asyncio.gather(relate(b, c), merge(c, a), return_exceptions=True)
        assert sum(isinstance(one, Conflict) for one in ended) == 1, ended
        assert await cycles(memory) == 0
