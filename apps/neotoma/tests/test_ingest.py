"""A file is acknowledged when its bytes and its row are durable; whatever goes wrong before, nothing is left of it."""

import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from apps.neotoma.tests.support import Database, Server, running_server
from apps.neotoma.tests.support_arrival import (
    LEGACY,
    LETTER,
    FakeExtractor,
    files_in,
    migrated,
    nest_of,
    pieces,
    source_of,
    until,
)

from neotoma import ingest, uploads
from neotoma.extraction.model import Chunk, Unreadable
from neotoma.memory import sources
from neotoma.memory.errors import NotThere
from neotoma.nest import Nest
from neotoma.problems import Problem
from neotoma.storage import LocalStorage, Staged

pytestmark = pytest.mark.anyio
HELLO = f"files/{LEGACY}/{hashlib.sha256(b'hello').hexdigest()}"


@pytest.fixture(scope="module")
def memory(server: Server) -> Database:
    return migrated(server)


@pytest.fixture(autouse=True)
def _empty(memory: Database) -> Iterator[None]:
    yield
    memory.query("TRUNCATE sources, chunks, entities, observations, relationships CASCADE")


async def store(nest: Nest, name: str = "letter.txt", content: bytes = b"hello") -> ingest.Stored:
    return await ingest.store_file(nest, LEGACY, name, pieces(content))


async def test_a_file_is_kept_with_its_text_and_entities(memory: Database, tmp_path: Path) -> None:
    async with nest_of(memory, tmp_path, FakeExtractor()) as nest:
        stored = await store(nest, "../in/lett\x07er.txt")
        assert (stored.outcome, stored.source.status, stored.source.name) == ("new", "ready", "letter.txt")
        assert (stored.source.document_type, stored.source.title, stored.source.bytes) == ("document", "A letter", 5)
        async with nest.database.of(LEGACY) as connection:
            assert await sources.text(connection, stored.source.id) == [Chunk("line 1", "Dear Ada")]
            assert len(await sources.observations(connection, stored.source.id)) == 1
    assert files_in(tmp_path) == [HELLO]
    assert memory.query("SELECT leased_until FROM sources") == [(None,)]


async def test_the_same_bytes_sent_at_once_are_stored_once(memory: Database, tmp_path: Path) -> None:
    extractor = FakeExtractor()
    extractor.open.clear()
    async with nest_of(memory, tmp_path, extractor) as nest:
        sending = [asyncio.create_task(store(nest, f"{number}.txt")) for number in range(6)]
        async with asyncio.timeout(10):
            while extractor.begun < 6:
                await asyncio.sleep(0.01)
        extractor.open.set()
        stored = await asyncio.gather(*sending)
    assert sorted(one.outcome for one in stored) == ["known"] * 5 + ["new"]
    assert len({one.source for one in stored}) == 1
    assert files_in(tmp_path) == [HELLO]
    assert nest.metrics.uploads["known"] == 5


async def test_the_same_bytes_under_another_name_are_the_same_source(memory: Database, tmp_path: Path) -> None:
    async with nest_of(memory, tmp_path, extractor := FakeExtractor()) as nest:
        first, second = await store(nest), await store(nest, "other.csv")
    assert (second.outcome, second.source) == ("known", first.source)
    assert extractor.begun == 1


async def test_two_users_with_the_same_bytes_have_a_source_each(memory: Database, tmp_path: Path) -> None:
    other = UUID("00000000-0000-4000-8000-0000000000aa")
    memory.query(f"INSERT INTO users (user_id, email) VALUES ('{other}', 'o@example.org') ON CONFLICT DO NOTHING")
    async with nest_of(memory, tmp_path, FakeExtractor()) as nest:
        mine = await store(nest)
        theirs = await ingest.store_file(nest, other, "letter.txt", pieces(b"hello"))
        assert (mine.outcome, theirs.outcome) == ("new", "new")
        await ingest.delete_source(nest, LEGACY, mine.source.id)
        assert nest.storage.path(other, theirs.source.sha256).read_bytes() == b"hello"
        assert await source_of(nest, theirs.source.id, other) is not None


@pytest.mark.parametrize(
    ("name", "answer", "status", "code"),
    [
        ("letter.txt", Unreadable("encrypted", "It has a password."), 422, "encrypted"),
        ("letter.exe", LETTER, 415, "unknown_type"),
        ("letter", LETTER, 415, "unknown_type"),
        ("/", LETTER, 422, "bad_name"),
        ("n" * 252 + ".txt", LETTER, 422, "bad_name"),
    ],
    ids=lambda value: str(value)[:12],
)
async def test_a_refused_file_leaves_nothing(
    memory: Database, tmp_path: Path, name: str, answer: Exception, status: int, code: str
) -> None:
    async with nest_of(memory, tmp_path, FakeExtractor(answer)) as nest:
        with pytest.raises(Problem) as refusal:
            await store(nest, name)
        assert (refusal.value.status, refusal.value.code) == (status, code)
    assert files_in(tmp_path) == []
    assert memory.query("SELECT FROM sources") == []
    assert nest.metrics.uploads["refused"] == 1


async def test_a_stream_without_end_is_refused_at_the_limit(memory: Database, tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(2**20)

    async with nest_of(memory, tmp_path, FakeExtractor()) as nest:
        with pytest.raises(Problem) as refusal:
            await ingest.store_file(nest, LEGACY, "endless.txt", endless())
        assert (refusal.value.status, refusal.value.code) == (413, "too_large")
    assert files_in(tmp_path) == []
    assert uploads.LARGEST_FILE == 50 * 2**20


async def test_facts_that_the_database_refuses_leave_nothing(memory: Database, tmp_path: Path) -> None:
    bad = FakeExtractor(replace(LETTER, chunks=(Chunk("line 1", "NUL \0"),)))
    async with nest_of(memory, tmp_path, bad) as nest:
        with pytest.raises(psycopg.DataError):
            await store(nest)
        assert nest.metrics.uploads["failed"] == 1
    assert files_in(tmp_path) == []
    assert memory.query("SELECT FROM sources") == []


class FullStorage(LocalStorage):
    """A disk without room, for the bytes or for the name."""

    at = "stage"

    async def stage(self, chunks: AsyncIterator[bytes]) -> Staged:
        staged = await super().stage(chunks)
        if self.at == "stage":
            await self.discard(staged)
            raise OSError(errno.ENOSPC, "No space left on device")
        return staged

    async def keep(self, user: UUID, staged: Staged) -> Path:
        await super().keep(user, staged)
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("at", ["stage", "keep"])
async def test_a_full_disk_is_said_and_leaves_nothing(memory: Database, tmp_path: Path, at: str) -> None:
    storage = FullStorage(tmp_path)
    storage.at = at
    async with nest_of(memory, tmp_path, FakeExtractor(), storage) as nest:
        with pytest.raises(Problem) as refusal:
            await store(nest)
        assert (refusal.value.status, refusal.value.code) == (507, "storage_full")
    assert files_in(tmp_path) == []
    assert memory.query("SELECT FROM sources") == []


async def test_a_database_that_goes_between_bytes_and_row_leaves_nothing_once_it_is_back(tmp_path: Path) -> None:
    with running_server() as server:
        memory = migrated(server)

        class Treacherous(LocalStorage):
            async def keep(self, user: UUID, staged: Staged) -> Path:
                kept = await super().keep(user, staged)
                server.stop()
                return kept

        async with nest_of(memory, tmp_path, FakeExtractor(), Treacherous(tmp_path), NEOTOMA_LEASE_SECONDS="1") as nest:
            with pytest.raises(psycopg.OperationalError):
                await store(nest)
            assert HELLO in files_in(tmp_path)
            server.start()

            async def nothing_left() -> bool:
                return files_in(tmp_path) == []

            await until(nothing_left)
            assert memory.query("SELECT FROM sources") == []


async def test_a_failed_source_can_be_uploaded_again(memory: Database, tmp_path: Path) -> None:
    extractor = FakeExtractor(Unreadable("too_complex", "It is too complex."))
    extractor.open.clear()
    async with nest_of(memory, tmp_path, extractor, NEOTOMA_INLINE_SECONDS="0.01") as nest:
        stored = await store(nest)
        assert (stored.outcome, stored.source.status) == ("processing", "processing")
        extractor.open.set()

        async def failed() -> bool:
            found = await source_of(nest, stored.source.id)
            return found is not None and found.status == "failed"

        await until(failed)
        found = await source_of(nest, stored.source.id)
        assert found is not None
        assert found.problem == {"code": "too_complex", "message": "It is too complex."}
        extractor.answer = LETTER
    async with nest_of(memory, tmp_path, extractor) as nest:
        again = await store(nest)
        assert (again.outcome, again.source.status, again.source.problem) == ("new", "ready", None)
    assert files_in(tmp_path) == [HELLO]


async def test_a_deleted_source_is_gone_with_its_bytes_and_can_come_again(memory: Database, tmp_path: Path) -> None:
    async with nest_of(memory, tmp_path, FakeExtractor()) as nest:
        stored = await store(nest)
        await ingest.delete_source(nest, LEGACY, stored.source.id)
        assert files_in(tmp_path) == []
        with pytest.raises(NotThere):
            await ingest.delete_source(nest, LEGACY, stored.source.id)
        assert (await store(nest)).outcome == "new"
    assert files_in(tmp_path) == [HELLO]


async def test_storing_and_deleting_at_once_never_leaves_half(memory: Database, tmp_path: Path) -> None:
    async with nest_of(memory, tmp_path, FakeExtractor()) as nest:

        async def storing() -> None:
            for _ in range(15):
                await store(nest)

        async def deleting() -> None:
            for _ in range(15):
                found = (await store(nest)).source
                with suppress(NotThere):
                    await ingest.delete_source(nest, LEGACY, found.id)

        await asyncio.gather(storing(), deleting(), deleting())
    rows = len(memory.query("SELECT FROM sources"))
    assert files_in(tmp_path) == [HELLO] * rows


async def test_a_source_deleted_while_it_is_read_stays_deleted(memory: Database, tmp_path: Path) -> None:
    extractor = FakeExtractor()
    extractor.open.clear()
    settings = {"NEOTOMA_INLINE_SECONDS": "0.01", "NEOTOMA_LEASE_SECONDS": "1"}
    async with nest_of(memory, tmp_path, extractor, **settings) as nest:
        stored = await store(nest)
        await ingest.delete_source(nest, LEGACY, stored.source.id)

        async def stopped() -> bool:
            return extractor.running == 0 and files_in(tmp_path) == []

        await until(stopped)
    assert memory.query("SELECT FROM sources") == []
