"""Claims about merges: two ids, one entity, and no way round the rules."""

import asyncio
from itertools import pairwise

import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_memory import Memory, say

from neotoma.memory import entities, integrity, merges, recording, relationships
from neotoma.memory.errors import Conflict, Invalid, NotThere

pytestmark = pytest.mark.anyio


@pytest.fixture
def memory(current_database: Database) -> Memory:
    """Somebody's empty memory."""
    return Memory(current_database)


async def test_the_standing_entity_has_what_was_said_of_both(memory: Memory) -> None:
    a = await memory.say("Ada", city="Rome", job="poet")
    b = await memory.say("Ada L.", city="London")
    async with memory.open() as connection:
        merged = await merges.merge(connection, a, b)
        assert {name: field.value for name, field in merged.snapshot.fields.items()} == {
            "city": "London",
            "job": "poet",
        }
        assert await entities.find(connection, a) == merged
        assert [one.id for one in (await entities.page(connection)).items] == [b]
        assert {one.entity_id for one in (await entities.observations(connection, a)).items} == {a, b}


async def test_what_is_said_of_a_merged_entity_is_said_of_the_standing_one(memory: Memory) -> None:
    a, b, c = [await memory.say(name) for name in ("a", "b", "c")]
    async with memory.open() as connection:
        await merges.merge(connection, a, b)
        await merges.merge(connection, a, c)  # a is b by now
        await entities.correct(connection, a, {"city": "Rome"})
        await say(connection, "a", "contact", "later", job="poet")
        found = await entities.find(connection, c)
        assert sorted(found.snapshot.fields) == ["city", "job"]
        assert (await entities.find(connection, a)).id == c
        await entities.delete(connection, b)
        assert (await entities.find(connection, c)).snapshot.deleted


async def test_before_the_merge_they_were_two(memory: Memory) -> None:
    a, b = await memory.say("a", city="Rome"), await memory.say("b", city="Paris")
    before = await memory.now()
    async with memory.open() as connection:
        await merges.merge(connection, a, b)
    after = await memory.now()
    async with memory.open() as connection:
        ids = [(await entities.find(connection, a, at)).id for at in (before, after)]
    assert ids == [a, b]
    assert [await memory.value(b, "city", before), await memory.value(a, "city", before)] == ["Paris", "Rome"]


async def test_relationships_are_those_of_the_standing_entity(memory: Memory) -> None:
    a, b, c = [await memory.say(name) for name in ("a", "b", "c")]
    async with memory.open() as connection:
        made = await relationships.create(connection, "knows", a, c)
        await relationships.create(connection, "likes", a, b)
        await merges.merge(connection, a, b)
        ((relation, other),) = await relationships.related(connection, b)  # that to itself is not shown
        assert (relation.from_id, relation.to_id, other.id) == (b, c, c)
        assert (await relationships.create(connection, "knows", b, c)).id == made.id
        with pytest.raises(Invalid):
            await relationships.create(connection, "knows", a, b)


@pytest.mark.parametrize("ends", [("a", "c"), ("c", "a")])
async def test_a_merge_that_closes_a_circle_is_refused(memory: Memory, ends: tuple[str, str]) -> None:
    ids = {name: await memory.say(name) for name in ("a", "b", "c")}
    async with memory.open() as connection:
        await relationships.create(connection, "part_of", ids["a"], ids["b"])
        await relationships.create(connection, "part_of", ids["b"], ids["c"])
        with pytest.raises(Conflict) as refused:
            await merges.merge(connection, *(ids[end] for end in ends))
        assert refused.value.code == "cycle"
        await merges.merge(connection, ids["a"], ids["b"])  # next to each other: a relation to itself, not shown
        assert (await integrity.count(connection)).cycles == 0


async def test_a_relationship_that_closes_a_circle_through_a_merge_is_refused(memory: Memory) -> None:
    a, b, c, d = [await memory.say(name) for name in "abcd"]
    async with memory.open() as connection:
        await relationships.create(connection, "part_of", a, b)
        await relationships.create(connection, "part_of", c, d)
        await merges.merge(connection, b, c)
        with pytest.raises(Conflict):
            await relationships.create(connection, "part_of", d, a)
        await relationships.create(connection, "part_of", a, d)


async def test_what_cannot_be_one_is_refused(memory: Memory) -> None:
    a, b, other = await memory.say("a"), await memory.say("b"), await memory.say("a", "thing")
    async with memory.open() as connection:
        await merges.merge(connection, a, b)
        for pair in ((a, b), (b, a), (a, a), (b, b), (a, other)):
            with pytest.raises(Invalid):
                await merges.merge(connection, *pair)
        with pytest.raises(NotThere):
            await merges.merge(connection, a, "ent_none")
        c = (await say(connection, "c", "contact", "r")).entity_ids[0]
        await entities.delete(connection, c)
        with pytest.raises(Conflict):
            await merges.merge(connection, c, b)


async def test_a_merge_is_forever(memory: Memory, current_database: Database) -> None:
    a, b = await memory.say("a"), await memory.say("b")
    async with memory.open() as connection:
        await merges.merge(connection, a, b)
    with pytest.raises(Exception, match="forever"):
        current_database.query(f"UPDATE entities SET merged_into = NULL WHERE id = '{a}' AND user_id = '{memory.user}'")


async def test_forgetting_leaves_what_was_merged_and_is_still_spoken_of(memory: Memory) -> None:
    async with memory.open() as connection:
        first, second = [await say(connection, name, "contact", name, city=name) for name in ("a", "b")]
        (a,), (b,) = first.entity_ids, second.entity_ids
        await merges.merge(connection, a, b)
        await recording.forget(connection, second.source_id)
        assert (await entities.find(connection, b)).snapshot.fields["city"].value == "a"
        await recording.forget(connection, first.source_id)
        for id in (a, b):
            with pytest.raises(NotThere):
                await entities.find(connection, id)
        assert (await integrity.count(connection)).orphans == 0


async def test_merges_and_records_at_once_lose_nothing(memory: Memory) -> None:
    ids = [await memory.say(f"n{number}") for number in range(6)]

    async def merge(start: str, end: str) -> None:
        async with memory.open() as connection:
            await merges.merge(connection, start, end)

    async def write(number: int) -> None:
        async with memory.open() as connection:
            record = [{"type": "contact", "name": f"n{n}", "fields": {f"f{number}": number}} for n in range(6)]
            await recording.store(connection, f"r{number}", record, [])

    await asyncio.gather(*(merge(*pair) for pair in pairwise(ids)), *(write(number) for number in range(8)))
    async with memory.open() as connection:
        (one,) = (await entities.page(connection)).items
        assert len(one.snapshot.fields) == 8
        assert len((await entities.observations(connection, ids[0], 200)).items) == 6 + 6 * 8
