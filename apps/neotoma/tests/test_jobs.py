"""What an upload does not wait for is read all the same: once at a time, and by somebody else if need be."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from apps.neotoma.tests.support import Database, Server, serving, started, within
from apps.neotoma.tests.support_arrival import (
    HERE,
    LEGACY,
    FakeExtractor,
    files_in,
    migrated,
    nest_of,
    pieces,
    source_of,
    until,
)

from neotoma import ingest, leases
from neotoma.memory.model import Source
from neotoma.nest import Nest

SLOW = {"NEOTOMA_INLINE_SECONDS": "0.01", "NEOTOMA_LEASE_SECONDS": "1"}


@pytest.fixture(scope="module")
def memory(server: Server) -> Database:
    return migrated(server)


@pytest.fixture(autouse=True)
def _empty(memory: Database) -> Iterator[None]:
    yield
    memory.query("TRUNCATE sources, chunks, entities, observations, relationships CASCADE")


def blocked() -> FakeExtractor:
    extractor = FakeExtractor()
    extractor.open.clear()
    return extractor


async def processing(nest: Nest) -> Source:
    stored = await ingest.store_file(nest, LEGACY, "slow.txt", pieces(b"hello"))
    assert stored.outcome == "processing"
    return stored.source


async def status(nest: Nest, id: str, wanted: str) -> None:
    async def reached() -> bool:
        found = await source_of(nest, id)
        return found is not None and found.status == wanted

    await until(reached)


@pytest.mark.anyio
async def test_what_is_read_late_is_ready_in_the_end(memory: Database, tmp_path: Path) -> None:
    async with nest_of(memory, tmp_path, extractor := blocked(), **SLOW) as nest:
        source = await processing(nest)
        extractor.open.set()
        await status(nest, source.id, "ready")
        assert len(files_in(tmp_path)) == 1
        assert (await ingest.store_file(nest, LEGACY, "slow.txt", pieces(b"hello"))).outcome == "known"
    assert memory.query("SELECT count(*) FROM observations") == [(1,)]


@pytest.mark.anyio
async def test_two_services_never_read_a_source_at_once_however_long_it_takes(memory: Database, tmp_path: Path) -> None:
    extractor = blocked()
    async with nest_of(memory, tmp_path, extractor, **SLOW) as one, nest_of(memory, tmp_path, extractor, **SLOW):
        source = await processing(one)
        ((first,),) = memory.query("SELECT leased_until FROM sources")

        async def renewed() -> bool:
            """Whether it holds two leases longer than it did, as only one that is renewed does."""
            ((longer,),) = memory.query(f"SELECT leased_until - '{first}' > interval '2 seconds' FROM sources")
            return bool(longer)

        await until(renewed)
        assert (extractor.begun, extractor.most) == (1, 1)
        extractor.open.set()
        await status(one, source.id, "ready")
        assert extractor.begun == 1


@pytest.mark.anyio
async def test_a_service_that_ends_leaves_its_job_to_the_next(memory: Database, tmp_path: Path) -> None:
    first, second = blocked(), FakeExtractor()
    async with nest_of(memory, tmp_path, first, **SLOW) as nest:
        source = await processing(nest)
    assert first.running == 0
    assert memory.query("SELECT attempts, status, leased_until <= now() FROM sources") == [(0, "processing", True)]
    assert len(files_in(tmp_path)) == 1
    async with nest_of(memory, tmp_path, second, **SLOW) as nest:
        await status(nest, source.id, "ready")
    assert second.begun == 1


@pytest.mark.anyio
async def test_who_lost_the_lease_writes_nothing(memory: Database, tmp_path: Path) -> None:
    extractor = blocked()
    async with nest_of(memory, tmp_path, extractor, NEOTOMA_INLINE_SECONDS="0.01") as nest:
        await processing(nest)
        memory.query("UPDATE sources SET attempts = 2, leased_until = now() + interval '1 hour'")
        extractor.open.set()

        async def over() -> bool:
            return not nest.jobs._running

        await until(over)
    assert memory.query("SELECT status, (SELECT count(*) FROM observations) FROM sources") == [("processing", 0)]


@pytest.mark.anyio
async def test_after_three_attempts_nobody_tries_again(memory: Database, tmp_path: Path) -> None:
    async with nest_of(memory, tmp_path, blocked(), look=False, **SLOW) as nest:
        source = await processing(nest)
        (job,) = nest.jobs._running
        await asyncio.sleep(0)  # so that it has begun, and can end what it waits for
        job.cancel()
        await asyncio.wait({job})
        memory.query("UPDATE sources SET attempts = 1")
        for attempt in (2, 3):
            memory.query("UPDATE sources SET leased_until = now()")
            lease = await leases.claim(nest.database, 60)
            assert lease == leases.Lease(LEGACY, source.id, attempt)
            assert await leases.claim(nest.database, 60) is None
        memory.query("UPDATE sources SET leased_until = now()")
    async with nest_of(memory, tmp_path, extractor := FakeExtractor(), **SLOW) as nest:
        await status(nest, source.id, "failed")
        found = await source_of(nest, source.id)
        assert found is not None
        assert found.problem is not None
        assert found.problem["code"] == "too_complex"
    assert extractor.begun == 0


@pytest.mark.anyio
async def test_a_job_whose_bytes_are_gone_fails_and_says_so(memory: Database, tmp_path: Path) -> None:
    async with nest_of(memory, tmp_path, blocked(), **SLOW) as nest:
        source = await processing(nest)
    nest.storage.path(LEGACY, source.sha256).unlink()
    async with nest_of(memory, tmp_path, FakeExtractor(), **SLOW) as nest:
        await status(nest, source.id, "failed")
        found = await source_of(nest, source.id)
        assert found is not None
        assert found.problem is not None
        assert found.problem["code"] == "bytes_missing"


@pytest.mark.anyio
async def test_what_was_kept_without_a_row_goes_at_the_next_start(memory: Database, tmp_path: Path) -> None:
    async with nest_of(memory, tmp_path, FakeExtractor(), look=False) as nest:
        known = await ingest.store_file(nest, LEGACY, "known.txt", pieces(b"known"))
        for content in (b"known", b"unknown"):
            staged = await nest.storage.stage(pieces(content))
            await nest.storage.keep(LEGACY, staged)
            os.close(nest.storage._held.pop(staged.path))  # type: ignore[attr-defined]  # as the end of a process does
    assert len(files_in(tmp_path)) == 6
    for path in tmp_path.rglob("*"):
        os.utime(path, (0, 0))
    async with nest_of(memory, tmp_path, FakeExtractor()):

        async def swept() -> bool:
            return files_in(tmp_path) == [f"files/{LEGACY}/{known.source.sha256}"]

        await until(swept)


def test_a_killed_service_loses_no_file_and_reads_none_twice(memory: Database, tmp_path: Path) -> None:
    content = b"".join(b"Invoice %d of Ada\n" % number for number in range(50_000))
    with serving(HERE, memory, tmp_path, **SLOW) as service:
        answer = service.upload("many.txt", content)
        assert answer.status_code == 202
        assert answer.json()["status"] == "processing"
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
    with serving(HERE, memory, tmp_path, **SLOW) as service, started(HERE, memory.url("app"), tmp_path, **SLOW):
        where = answer.headers["location"]
        within(30, lambda: service.client.get(where).json()["status"] == "ready")
        assert service.client.get(f"{where}/file").content == content
    assert memory.query("SELECT count(*) = count(DISTINCT position) FROM chunks") == [(True,)]


def test_taking_over_tells_of_nobody_but_whose_turn_it_is(memory: Database) -> None:
    granted = "SELECT has_function_privilege('{}', 'claim_source(integer)', 'EXECUTE')"
    assert memory.query(granted.format("neotoma_member")) == [(True,)]
    assert memory.query(granted.format("neotoma_single")) == [(False,)]
    assert memory.query("SELECT pg_get_function_result('claim_source'::regproc)") == [("TABLE(user_id uuid, id text)",)]
