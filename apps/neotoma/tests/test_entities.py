"""Claims about entities: what holds of them, where it comes from, what held before."""

import asyncio
from datetime import timedelta

import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_memory import Memory, say

from neotoma.extraction.model import Found
from neotoma.memory import entities, recording, sources
from neotoma.memory.errors import Conflict, Invalid, NotThere
from neotoma.memory.model import Field

pytestmark = pytest.mark.anyio


@pytest.fixture
def memory(current_database: Database) -> Memory:
    """Somebody's empty memory."""
    return Memory(current_database)


async def test_a_stored_record_gives_entities_with_typed_fields(memory: Memory) -> None:
    id = await memory.say(
        "Ada", born="1815-12-10", fee="12.3 EUR", age=36, alive=False, mail="ada@example.org", note="31/01/2026"
    )
    async with memory.open() as connection:
        fields = (await entities.find(connection, id)).snapshot.fields
    assert {name: (field.value, field.type) for name, field in fields.items()} == {
        "age": ("36", "number"),
        "alive": ("false", "boolean"),
        "born": ("1815-12-10", "date"),
        "fee": ("12.30 EUR", "money"),
        "mail": ("ada@example.org", "email"),
        "note": ("31/01/2026", "text"),
    }


async def test_the_same_record_twice_changes_nothing(memory: Memory) -> None:
    async with memory.open() as connection:
        first = await say(connection, "Ada", "contact", "r", city="London")
    async with memory.open() as connection:
        assert await say(connection, "Ada", "contact", "r", city="London") == first
        assert len((await entities.observations(connection, first.entity_ids[0])).items) == 1


async def test_a_record_keeps_the_bytes_that_it_is_known_by(memory: Memory) -> None:
    async with memory.open() as connection:
        stored = await say(connection, "Ada", "contact", "r", note="ä" * 7_000)
        source, chunks = (
            await sources.find(connection, stored.source_id),
            await sources.text(connection, stored.source_id),
        )
    text = "".join(chunk.text for chunk in chunks).encode()
    assert source is not None
    assert (len(text), len(chunks), source.kind) == (source.bytes, 2, "structured")


async def test_a_correction_beats_later_records_and_keeps_the_type(memory: Memory) -> None:
    id = await memory.say("Ada", born="1815-12-11")
    async with memory.open() as connection:
        corrected = await entities.correct(connection, id, {"born": "1815-12-10"})
    assert corrected.snapshot.fields["born"].type == "date"
    await memory.say("Ada", record="later", born="1900-01-01")
    assert await memory.value(id, "born") == "1815-12-10"


@pytest.mark.parametrize(
    "value", ["10 December 1815", "1815-02-30", "", "x" * 8_001, "a\0b", "\ud800", None, ["1815-12-10"]]
)
async def test_a_correction_of_another_type_is_refused(memory: Memory, value: object) -> None:
    id = await memory.say("Ada", born="1815-12-10")
    async with memory.open() as connection:
        with pytest.raises(Invalid):
            await entities.correct(connection, id, {"born": value})
    assert await memory.value(id, "born") == "1815-12-10"


async def test_two_corrections_in_one_transaction_are_in_order(memory: Memory) -> None:
    id = await memory.say("Ada")
    async with memory.open() as connection:
        for number in range(5):
            await entities.correct(connection, id, {"city": f"City {number}"})
    assert await memory.value(id, "city") == "City 4"


async def test_provenance_lists_the_winner_first_with_source_and_place(memory: Memory) -> None:
    id = await memory.say("Ada", record="first", city="Rome")
    await memory.say("Ada", record="second", city="Paris")
    async with memory.open() as connection:
        await entities.correct(connection, id, {"city": "London"})
        told = await entities.provenance(connection, id, "city")
        with pytest.raises(NotThere):
            await entities.provenance(connection, id, "unknown")
    assert [(one.fields["city"].value, source and source.name) for one, source in told] == [
        ("London", None),
        ("Paris", "second"),
        ("Rome", "first"),
    ]


async def test_deletion_hides_and_restoration_shows_again(memory: Memory) -> None:
    id = await memory.say("Ada", city="Rome")
    async with memory.open() as connection:
        assert (await entities.delete(connection, id)).snapshot.deleted
        assert (await entities.page(connection)).items == ()
        assert [one.id for one in (await entities.page(connection, deleted=True)).items] == [id]
        with pytest.raises(Conflict):
            await entities.correct(connection, id, {"city": "London"})
        await entities.delete(connection, id)
        assert not (await entities.restore(connection, id)).snapshot.deleted
        assert len((await entities.observations(connection, id)).items) == 3


async def test_an_entity_is_as_it_was_at_any_time(memory: Memory) -> None:
    before = await memory.now()
    id = await memory.say("Ada", city="Rome")
    first = await memory.now()
    async with memory.open() as connection:
        await entities.correct(connection, id, {"city": "London"})
    second = await memory.now()
    async with memory.open() as connection:
        await entities.delete(connection, id)
        assert (await entities.find(connection, id)).snapshot.deleted
        assert not (await entities.find(connection, id, second)).snapshot.deleted
        with pytest.raises(NotThere):
            await entities.find(connection, id, before)
    assert [await memory.value(id, "city", at) for at in (first, second, second + timedelta(days=1))] == [
        "Rome",
        "London",
        "London",
    ]


async def test_pages_hold_every_entity_once(memory: Memory) -> None:
    ids = {await memory.say(f"Name {number % 4}", f"type_{number}") for number in range(7)}
    async with memory.open() as connection:
        seen, cursor = [], None
        while True:
            page = await entities.page(connection, limit=3, cursor=cursor)
            seen += [one.id for one in page.items]
            if (cursor := page.next) is None:
                break
        assert (await entities.types(connection))[0] == ("type_0", 1)
    assert sorted(seen) == sorted(ids)


async def test_a_text_that_looks_like_a_pattern_finds_itself(memory: Memory) -> None:
    id = await memory.say("100 % wool")
    await memory.say("1000 wool")
    async with memory.open() as connection:
        assert [one.id for one in (await entities.page(connection, text="0 % W")).items] == [id]


async def test_concurrent_writers_lose_no_observation(memory: Memory) -> None:
    names = ["Ada", "Bob", "Cleo"]

    async def write(number: int) -> None:
        some = [{"type": "contact", "name": name, "fields": {f"f{number}": number}} for name in names]
        async with memory.open() as connection:
            await recording.store(connection, f"r{number}", some if number % 2 else some[::-1], [])

    await asyncio.gather(*(write(number) for number in range(12)))
    async with memory.open() as connection:
        for entity in (await entities.page(connection)).items:
            assert {field.value for field in entity.snapshot.fields.values()} == {str(number) for number in range(12)}


async def test_forgetting_a_source_leaves_what_others_say(memory: Memory) -> None:
    async with memory.open() as connection:
        first = await say(connection, "Ada", "contact", "first", city="Rome", job="poet")
        await say(connection, "Ada", "contact", "second", city="Paris")
        alone = await say(connection, "Bob", "contact", "third", city="Rome")
        corrected = await say(connection, "Cleo", "contact", "fourth", city="Rome")
        await entities.correct(connection, corrected.entity_ids[0], {"city": "Cairo"})
        await entities.delete(connection, alone.entity_ids[0])
        for one in (first, alone, corrected):
            await recording.forget(connection, one.source_id)
        assert {
            entity.name: {name: field.value for name, field in entity.snapshot.fields.items()}
            for entity in (await entities.page(connection)).items
        } == {"Ada": {"city": "Paris"}, "Cleo": {"city": "Cairo"}}
        with pytest.raises(NotThere):
            await entities.find(connection, alone.entity_ids[0])
        with pytest.raises(NotThere):
            await recording.forget(connection, first.source_id)


async def test_a_forgotten_record_can_be_stored_again(memory: Memory) -> None:
    async with memory.open() as connection:
        for _ in range(2):
            stored = await say(connection, "Ada", "contact", "r", city="Rome")
            await recording.forget(connection, stored.source_id)
        assert (await entities.page(connection)).items == ()


async def test_nothing_is_recorded_of_a_source_that_is_gone(memory: Memory) -> None:
    async with memory.open() as connection:
        with pytest.raises(NotThere):
            await recording.record(connection, "src_none", "extracted", [Found("contact", "Ada", {})], [])


async def test_an_observation_never_changes(memory: Memory, current_database: Database) -> None:
    id = await memory.say("Ada")
    with pytest.raises(Exception, match="never changes"):
        current_database.query(f"UPDATE observations SET fields = '{{}}' WHERE entity_id = '{id}'")


async def test_recording_the_same_source_again_changes_nothing(memory: Memory) -> None:
    async with memory.open() as connection:
        stored = await say(connection, "Ada", "contact", "r", city="Rome")
        found = [Found("contact", "Ada", {"city": Field("Rome")})]
        await recording.record(connection, stored.source_id, "structured", found, [])
        await entities.correct(connection, stored.entity_ids[0], {"city": "Paris"})
        await recording.record(connection, stored.source_id, "structured", found, [])
        assert len((await entities.observations(connection, stored.entity_ids[0])).items) == 2
    assert await memory.value(stored.entity_ids[0], "city") == "Paris"


@pytest.mark.parametrize(
    "given",
    [
        {"entities": []},
        {"entities": [{"type": "contact", "name": "A"}] * 101},
        {"entities": [{"type": "contact"}]},
        {"entities": [{"type": "Contact!", "name": "A"}]},
        {"entities": [{"type": "contact", "name": "x" * 301}]},
        {"entities": [{"type": "contact", "name": "A", "fields": {str(n): n for n in range(101)}}]},
        {"entities": [{"type": "contact", "name": "A", "fields": {"a": None}}]},
        {"entities": [{"type": "contact", "name": "A", "fields": {"a": {"b": 1}}}]},
        {"entities": [{"type": "contact", "name": "A", "fields": {"a": "x" * 8_001}}]},
        {"entities": [{"type": "contact", "name": "A", "fields": {"a": float("nan")}}]},
        {"entities": [{"type": "contact", "name": "A", "fields": {"\0": 1}}]},
        {"entities": [{"type": "contact", "name": "A", "more": 1}]},
        {"entities": ["Ada"]},
        {"entities": "Ada"},
        {"relationships": [{"type": "knows", "from": 0, "to": 0}]},
        {"relationships": [{"type": "knows", "from": 0, "to": 7}]},
        {"relationships": [{"type": "Knows", "from": 0, "to": 1}]},
        {"relationships": [{"type": "knows", "from": 0, "to": True}]},
        {"name": ""},
    ],
)
async def test_a_record_that_makes_no_sense_is_refused_and_says_what_to_do(
    memory: Memory, given: dict[str, object]
) -> None:
    record = {"name": "r", "entities": [{"type": "contact", "name": "A"}, {"type": "contact", "name": "B"}]} | given
    async with memory.open() as connection:
        with pytest.raises(Invalid, match=r"[\w)]\. \w|, such as|Send one|It takes"):
            await recording.store(connection, relationships=record.pop("relationships", []), **record)  # type: ignore[arg-type]
        assert (await entities.page(connection)).items == ()
