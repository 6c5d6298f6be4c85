"""Claims about export and import: what went out comes in, and nothing else does."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_memory import Memory, say

from neotoma.api.shapes import time_json
from neotoma.memory import entities, integrity, merges, portability, recording, relationships
from neotoma.memory.errors import Invalid
from neotoma.memory.identity import observation_id, relationship_id
from neotoma.memory.model import Field

pytestmark = pytest.mark.anyio


@pytest.fixture
def memory(current_database: Database) -> Memory:
    """Somebody's empty memory."""
    return Memory(current_database)


async def exported(memory: Memory) -> list[bytes]:
    """All of it."""
    async with memory.open() as connection:
        return [line async for line in portability.export(connection)]


async def import_(memory: Memory, lines: list[bytes]) -> None:
    """Add it."""

    async def given() -> AsyncIterator[bytes]:
        for line in lines:
            yield line

    async with memory.open() as connection:
        await portability.import_(connection, given())


async def filled(memory: Memory) -> list[str]:
    """A memory with a little of everything. Returns its entities."""
    async with memory.open() as connection:
        record = [
            {"type": "thing", "name": name, "fields": {"at": "2026-01-31", "ä": "ö\U0001f600"}} for name in "abcd"
        ]
        links = [{"type": "part_of", "from": 0, "to": 1}, {"type": "knows", "from": 2, "to": 3}]
        ids = list((await recording.store(connection, "first", record, links)).entity_ids)
        await recording.store(connection, "second", record, links)
        await entities.correct(connection, ids[0], {"at": "2026-02-01"})
        await entities.delete(connection, ids[3])
        await entities.restore(connection, ids[3])
        made = await relationships.create(connection, "likes", ids[0], ids[2])
        await relationships.delete(connection, made.id)
        await relationships.create(connection, "likes", ids[0], ids[2])
        taken_back = await relationships.create(connection, "likes", ids[0], ids[3])
        await relationships.delete(connection, taken_back.id)
        await merges.merge(connection, ids[2], ids[3])
        await entities.delete(connection, ids[1])
    return ids


async def test_an_import_into_an_empty_memory_exports_the_same_bytes(memory: Memory) -> None:
    ids = await filled(memory)
    before = await exported(memory)
    other = Memory(memory.database)
    await import_(other, before)
    assert await exported(other) == before
    async with memory.open() as mine, other.open() as theirs:
        for id in ids:
            assert await entities.find(mine, id) == await entities.find(theirs, id)
            assert await relationships.related(mine, id) == await relationships.related(theirs, id)
        assert await integrity.count(mine) == integrity.Integrity(0, 0)


async def test_an_import_twice_changes_nothing(memory: Memory) -> None:
    await filled(memory)
    before = await exported(memory)
    await import_(memory, before)
    assert await exported(memory) == before


async def test_an_import_into_another_memory_keeps_what_both_say(memory: Memory) -> None:
    await memory.say("Ada", city="Rome")
    other = Memory(memory.database)
    id = await other.say("Ada", record="other", city="Paris", job="poet")
    await import_(other, await exported(memory))
    async with other.open() as connection:
        assert len((await entities.observations(connection, id)).items) == 2
        assert sorted((await entities.find(connection, id)).snapshot.fields) == ["city", "job"]


async def test_every_line_is_canonical_json(memory: Memory) -> None:
    await filled(memory)
    for line in await exported(memory):
        again = json.dumps(json.loads(line), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        assert line == again.encode() + b"\n"


def changed(part: str, **values: Any) -> Callable[[list[Any]], list[Any]]:
    """Change the first line of a kind."""

    def change(lines: list[Any]) -> list[Any]:
        first = next(line for line in lines if part in line)
        first[part] |= values
        return lines

    return change


def in_the_future(lines: list[Any]) -> list[Any]:
    """What a person says, two minutes from now, under the id that it has then."""
    (said,) = [one["observation"] for one in lines if one.get("observation", {}).get("kind") == "correction"]
    at = datetime.now(UTC) + timedelta(minutes=2)
    fields = {name: Field(**field) for name, field in said["fields"].items()}
    said["observed_at"] = time_json(at)
    said["id"] = observation_id(said["entity_id"], None, "correction", fields, at)
    return lines


def without(part: str) -> Callable[[list[Any]], list[Any]]:
    """Leave out all lines of a kind."""
    return lambda lines: [line for line in lines if part not in line]


def circle(lines: list[Any]) -> list[Any]:
    """Add the way back."""
    (there,) = [line["relationship"] for line in lines if line.get("relationship", {}).get("type") == "part_of"]
    ends = {"from": there["to"], "to": there["from"]}
    back = there | ends | {"id": relationship_id("part_of", ends["from"], ends["to"])}
    position = next(number for number, line in enumerate(lines) if "relationship" in line)
    return [*lines[:position], {"relationship": back}, *lines[position:]]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: [],
        lambda _: [[]],
        lambda _: [{"memory": {"version": 2}}],
        lambda lines: lines[1:],
        lambda lines: [lines[0], *lines],
        lambda lines: [lines[0], *reversed(lines[1:])],
        lambda lines: [*lines, {"unknown": {}}],
        without("source"),
        without("entity"),
        without("observation"),
        changed("source", id="src_other"),
        changed("source", sha256="0" * 64),
        changed("entity", name="other"),
        changed("observation", kind="rumour"),
        changed("observation", fields={"a": {"value": "b"}}),
        changed("observation", entity_id="ent_other"),
        changed("observation", observed_at="2026-01-01"),
        changed("relationship", type="Part of"),
        changed("relationship", said_by=["src_other"]),
        changed("relationship", periods=[["yesterday", "today"]]),
        changed("merge", into="ent_other"),
        changed("merge", more=1),
        changed("chunk", text="a\0b"),
        changed("chunk", text="another record"),
        changed("chunk", position=1),
        without("chunk"),
        changed("source", created_at="2999-01-01T00:00:00.000000Z"),
        changed("entity", created_at="2999-01-01T00:00:00.000000Z"),
        changed("relationship", deleted_at="2999-01-01T00:00:00.000000Z"),
        changed("relationship", periods=[["2026-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"]]),
        changed("merge", merged_at="2999-01-01T00:00:00.000000Z"),
        in_the_future,
        changed("chunk", position=-1),
        changed("chunk", position=True),
        circle,
    ],
)
async def test_what_is_no_export_is_refused_and_nothing_is_stored(
    memory: Memory, spoil: Callable[[list[Any]], list[Any]]
) -> None:
    await filled(memory)
    lines = spoil([json.loads(line) for line in await exported(memory)])
    other = Memory(memory.database)
    with pytest.raises(Invalid, match="Nothing was stored"):
        await import_(other, [json.dumps(line).encode() + b"\n" for line in lines])
    assert len(await exported(other)) == 1


async def test_a_merge_that_contradicts_one_that_is_here_is_refused(memory: Memory) -> None:
    other = Memory(memory.database)
    for one, target in ((memory, "b"), (other, "c")):
        async with one.open() as connection:
            ids = {name: (await say(connection, name, "thing", name)).entity_ids[0] for name in "abc"}
            await merges.merge(connection, ids["a"], ids[target])
    with pytest.raises(Invalid):
        await import_(other, await exported(memory))
