"""What the tests of arrival and operations stand on: services of this very tree, and parts of it in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from apps.neotoma.tests.support import Database, Server, migrate

from neotoma import settings
from neotoma.database import Database as Pool
from neotoma.extraction.model import Chunk, Extraction, Found
from neotoma.jobs import Jobs
from neotoma.memory import sources
from neotoma.memory.model import Field, Source
from neotoma.metrics import Metrics
from neotoma.nest import Nest
from neotoma.settings import OWNER
from neotoma.storage import LocalStorage

HERE = Path(__file__).parents[1]
"""The tree that the tests are in."""
LEGACY = UUID(OWNER)
LETTER = Extraction(
    "document",
    "A letter",
    (Chunk("line 1", "Dear Ada"),),
    (Found("document", "A letter", {"author": Field("Ada", "text", "line 1")}),),
    (),
)


class FakeExtractor:
    """Answers what it is told to. While ``open`` is cleared, it works and comes to no end."""

    def __init__(self, answer: Extraction | Exception = LETTER) -> None:
        self.answer = answer
        self.open = asyncio.Event()
        self.open.set()
        self.running, self.begun, self.most = 0, 0, 0

    async def extract(self, path: Path, name: str, media_type: str, seconds: float) -> Extraction:
        """See Extractor."""
        assert path.exists()
        assert (name, media_type, seconds) != ("", "", 0)
        self.running, self.begun = self.running + 1, self.begun + 1
        self.most = max(self.most, self.running)
        try:
            await self.open.wait()
        finally:
            self.running -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self) -> None:
        """See Extractor."""


def migrated(server: Server) -> Database:
    """A new database with the newest schema."""
    database = server.database()
    run = migrate(HERE, database, "up")
    assert run.returncode == 0, run.stdout + run.stderr
    return database


@asynccontextmanager
async def nest_of(
    database: Database,
    folder: Path,
    extractor: FakeExtractor,
    storage: LocalStorage | None = None,
    look: bool = True,
    **environment: str,
) -> AsyncIterator[Nest]:
    """A nest at work, with a real database and storage; without ``look`` it takes no job over."""
    told = {"DATABASE_URL": database.url("app"), "NEOTOMA_STORAGE": str(folder)} | environment
    read, pool, metrics = settings.read(told, 0), Pool(database.url("app")), Metrics()
    storage = storage or LocalStorage(folder)
    jobs = Jobs(read, pool, storage, extractor, metrics)
    nest = Nest(read, pool, storage, extractor, metrics, jobs)
    await pool.open()
    try:
        if look:
            async with jobs.running():
                yield nest
        else:
            yield nest
    finally:
        await pool.close()


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    """Bytes as they come."""
    for piece in content:
        yield piece


async def until(happened: Any, seconds: float = 10) -> None:
    """Wait until the coroutine function answers something true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await happened():
            await asyncio.sleep(0.02)


async def source_of(nest: Nest, id: str, user: UUID = LEGACY) -> Source | None:
    """A source as it is now."""
    async with nest.database.of(user) as connection:
        return await sources.find(connection, id)


def files_in(folder: Path) -> list[str]:
    """Every file in the storage, wherever."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
