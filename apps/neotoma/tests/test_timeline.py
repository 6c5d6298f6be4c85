"""Claims about the timeline: from date fields only, always in one order."""

from datetime import date
from uuid import UUID

import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_memory import Memory, say
from psycopg import AsyncConnection

from neotoma.memory import entities, merges, recording, timeline
from neotoma.memory.errors import Invalid, NotThere
from neotoma.settings import OWNER

pytestmark = pytest.mark.anyio


@pytest.fixture
def memory(current_database: Database) -> Memory:
    """Somebody's empty memory."""
    return Memory(current_database)


async def days(memory: Memory, **filters: object) -> list[str]:
    """The dates on the timeline, or those of a filter."""
    async with memory.open() as connection:
        return [event.at.isoformat() for event in (await timeline.page(connection, **filters)).items]  # type: ignore[arg-type]


async def test_only_dates_are_events_in_the_order_of_the_dates(memory: Memory) -> None:
    a = await memory.say("a", born="1815-12-10", note="on 2026-01-01", number=2026)
    b = await memory.say("b", died="1852-11-27", born="1815-12-10")
    async with memory.open() as connection:
        events = (await timeline.page(connection)).items
    first, second = sorted([a, b])
    assert [(event.at.isoformat(), event.entity_id, event.field) for event in events] == [
        ("1815-12-10", first, "born"),
        ("1815-12-10", second, "born"),
        ("1852-11-27", b, "died"),
    ]


async def test_it_follows_corrections_deletion_restoration_and_forgetting(memory: Memory) -> None:
    async with memory.open() as connection:
        stored = await say(connection, "a", "contact", "r", born="1815-12-10")
    (a,) = stored.entity_ids
    async with memory.open() as connection:
        await entities.correct(connection, a, {"born": "1815-12-11"})
    assert await days(memory) == ["1815-12-11"]
    async with memory.open() as connection:
        await entities.delete(connection, a)
    assert await days(memory) == []
    async with memory.open() as connection:
        await entities.restore(connection, a)
    assert await days(memory) == ["1815-12-11"]
    b = await memory.say("b", died="1852-11-27")
    async with memory.open() as connection:
        await merges.merge(connection, a, b)
    assert await days(memory, entity=a) == await days(memory, entity=b) == ["1815-12-11", "1852-11-27"]


async def test_it_is_filtered_by_type_entity_and_range(memory: Memory) -> None:
    a = await memory.say("a", "invoice", due="2026-01-01", paid="2026-01-31")
    await memory.say("b", "contract", ends="2026-01-15")
    assert await days(memory, type="contract") == ["2026-01-15"]
    assert await days(memory, entity=a) == ["2026-01-01", "2026-01-31"]
    assert await days(memory, start=date(2026, 1, 15)) == ["2026-01-15", "2026-01-31"]
    assert await days(memory, start=date(2026, 1, 2), end=date(2026, 1, 15), type="contract") == ["2026-01-15"]
    with pytest.raises(NotThere):
        await days(memory, entity="ent_none")
    with pytest.raises(Invalid):
        await days(memory, cursor="nonsense")


async def test_pages_stay_where_they_are_when_events_come_before_them(memory: Memory) -> None:
    for number in range(10, 20):
        await memory.say(f"n{number}", at=f"2026-01-{number}")
    async with memory.open() as connection:
        first = await timeline.page(connection, limit=4)
    await memory.say("early", at="2025-01-01")
    seen = [event.at.day for event in first.items]
    page = first
    while page.next:
        async with memory.open() as connection:
            page = await timeline.page(connection, limit=4, cursor=page.next)
        seen += [event.at.day for event in page.items]
    assert seen == list(range(10, 20))


async def test_nobody_writes_events_but_the_database(memory: Memory) -> None:
    await memory.say("a", at="2026-01-01")
    async with memory.open() as connection:
        with pytest.raises(Exception, match="permission denied"):
            await connection.execute("DELETE FROM timeline_events")


async def test_what_the_version_before_writes_is_on_the_timeline(current_database: Database) -> None:
    """It logs in as a plain role, of the legacy owner's rows only, and knows no timeline."""
    async with await AsyncConnection.connect(current_database.url("app")) as connection:
        stored = await say(connection, "legacy", "contact", "legacy", at="2026-03-04")
    memory = Memory(current_database, UUID(OWNER))
    assert await days(memory, entity=stored.entity_ids[0]) == ["2026-03-04"]
    async with await AsyncConnection.connect(current_database.url("app")) as connection:
        await recording.forget(connection, stored.source_id)
    assert await days(memory) == []
