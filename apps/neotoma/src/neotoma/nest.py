"""What every request needs, built once: a packrat's nest."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from neotoma import gauges
from neotoma.database import Database
from neotoma.extractor import Extractor, ProcessExtractor
from neotoma.jobs import Jobs
from neotoma.metrics import Metrics
from neotoma.settings import Settings
from neotoma.storage import LocalStorage, Storage


@dataclass(frozen=True)
class Nest:
    """The parts of one running service; ``request.app.state.nest`` and, for MCP, what the tools are built with."""

    settings: Settings
    database: Database
    storage: Storage
    extractor: Extractor
    metrics: Metrics
    jobs: Jobs


def build(settings: Settings) -> Nest:
    """The parts that serve, none of them at work yet."""
    database, storage, metrics = Database(settings.database_url), LocalStorage(settings.storage), Metrics()
    extractor = ProcessExtractor(settings.workers)
    jobs = Jobs(settings, database, storage, extractor, metrics)
    return Nest(settings, database, storage, extractor, metrics, jobs)


@asynccontextmanager
async def running(nest: Nest) -> AsyncIterator[None]:
    """Everything at work until the block ends. Waits for nothing: the database may be away."""
    await nest.database.open()
    watching = asyncio.create_task(gauges.watch(nest.database, nest.metrics))
    try:
        async with nest.jobs.running():
            yield
    finally:
        watching.cancel()
        await nest.extractor.close()
        await nest.database.close()
