"""The claim that no sequence of calls makes an orphan, a circle, a stale snapshot or an export that lacks something."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, ClassVar

import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_memory import Memory
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, multiple, rule, run_state_machine_as_test
from psycopg import AsyncConnection

from neotoma.database import Connection
from neotoma.memory import entities, integrity, merges, portability, recording, relationships, timeline
from neotoma.memory.errors import Refused
from neotoma.memory.integrity import Integrity

names, fields = (
    st.sampled_from("abcde"),
    st.dictionaries(
        st.sampled_from(["x", "y", "z"]), st.sampled_from(["2026-01-31", "1815-12-10", "Rome", "Paris"]), max_size=3
    ),
)
types = st.sampled_from(["part_of", "supersedes", "knows"])
positions = st.lists(st.tuples(types, st.integers(0, 2), st.integers(0, 2)), max_size=3)


class Calls(RuleBasedStateMachine):
    """One new user, and any calls."""

    database: ClassVar[Database]
    known, sources, relations = Bundle("known"), Bundle("sources"), Bundle("relations")

    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory(self.database)

    def call(self, does: Callable[[Connection], Awaitable[Any]]) -> Any:
        """One transaction; a refusal leaves nothing of it."""

        async def run() -> Any:
            async with self.memory.open() as connection:
                return await does(connection)

        try:
            return asyncio.run(run())
        except Refused:
            return None

    @rule(
        target=sources,
        number=st.integers(0, 9),
        said=st.lists(st.tuples(names, fields), min_size=1, max_size=3),
        links=positions,
    )
    def store(self, number: int, said: list[tuple[str, dict[str, str]]], links: list[tuple[str, int, int]]) -> Any:
        record = [{"type": "thing", "name": name, "fields": given} for name, given in said]
        ends = [{"type": type, "from": start, "to": end} for type, start, end in links]
        done = self.call(lambda connection: recording.store(connection, f"record {number}", record, ends))
        return multiple(*([done.source_id] if done else []))

    @rule(target=known, name=names)
    def name(self, name: str) -> Any:
        found = self.call(lambda connection: entities.page(connection, text=name))
        return multiple(*(one.id for one in found.items))

    @rule(id=known, given=fields)
    def correct(self, id: str, given: dict[str, str]) -> None:
        self.call(lambda connection: entities.correct(connection, id, given))

    @rule(id=known)
    def delete(self, id: str) -> None:
        self.call(lambda connection: entities.delete(connection, id))

    @rule(id=known)
    def restore(self, id: str) -> None:
        self.call(lambda connection: entities.restore(connection, id))

    @rule(start=known, end=known)
    def merge(self, start: str, end: str) -> None:
        self.call(lambda connection: merges.merge(connection, start, end))

    @rule(target=relations, type=types, start=known, end=known)
    def relate(self, type: str, start: str, end: str) -> Any:
        made = self.call(lambda connection: relationships.create(connection, type, start, end))
        return multiple(*([made.id] if made else []))

    @rule(id=relations)
    def unrelate(self, id: str) -> None:
        self.call(lambda connection: relationships.delete(connection, id))

    @rule(id=consumes(sources))
    def forget(self, id: str) -> None:
        self.call(lambda connection: recording.forget(connection, id))

    def teardown(self) -> None:
        assert self.call(integrity.count) == Integrity(0, 0)
        assert asyncio.run(self._stale()) == 0
        assert self.call(_events) == self.call(_dates)
        before = self.call(_exported)
        mine, self.memory = self.memory, Memory(self.database)
        self.call(lambda connection: portability.import_(connection, _each(before)))
        assert self.call(_exported) == before
        assert self.call(integrity.count) == Integrity(0, 0)
        for memory in (mine, self.memory):
            self.database.query(f"DELETE FROM users WHERE user_id = '{memory.user}'")

    async def _stale(self) -> int:
        async with await AsyncConnection.connect(self.database.url("owner")) as connection:
            return await integrity.stale_snapshots(connection)


async def _events(connection: Connection) -> set[tuple[str, str, str]]:
    found = (await timeline.page(connection, limit=1_000)).items
    return {(one.entity_id, one.field, one.at.isoformat()) for one in found}


async def _dates(connection: Connection) -> set[tuple[str, str, str]]:
    live = (await entities.page(connection, limit=1_000)).items
    fields = [(one.id, name, field) for one in live for name, field in one.snapshot.fields.items()]
    return {(id, name, field.value) for id, name, field in fields if field.type == "date"}


async def _exported(connection: Connection) -> list[bytes]:
    return [line async for line in portability.export(connection)]


async def _each(lines: list[bytes]) -> AsyncIterator[bytes]:
    for line in lines:
        yield line


@pytest.mark.timeout(600)
def test_no_sequence_of_calls_makes_an_orphan_or_a_circle(current_database: Database) -> None:
    Calls.database = current_database
    quick = settings(max_examples=12, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Calls, settings=quick)
