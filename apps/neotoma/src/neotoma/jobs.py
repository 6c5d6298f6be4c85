"""Reads what an upload did not wait for, and what an ended process left: every file is read, whoever dies."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

import psycopg

from neotoma import leases, tidy
from neotoma.database import Database
from neotoma.extraction.model import Extraction, Unreadable
from neotoma.extractor import Extractor
from neotoma.leases import Lease
from neotoma.memory import recording, sources
from neotoma.memory.errors import Refused
from neotoma.metrics import Metrics
from neotoma.observe import log, place
from neotoma.settings import Settings
from neotoma.storage import Staged, Storage

LOOK_SECONDS = 3.0
"""How often a process looks for sources that nobody reads."""
SWEEP_SECONDS = 3_600.0
GIVEN_UP = Unreadable("too_complex", "The file could not be read in several attempts. Divide it, or store its text.")
GONE = Unreadable("bytes_missing", "The bytes of this file are gone. Delete it, and upload it again.")


class LeaseLost(Exception):
    """Somebody else reads the source by now, or nobody needs to."""


class Jobs:
    """The extractions of this process, and those that no request waits for."""

    def __init__(
        self, settings: Settings, database: Database, storage: Storage, extractor: Extractor, metrics: Metrics
    ) -> None:
        self._settings, self._database, self._storage = settings, database, storage
        self._extractor, self._metrics = extractor, metrics
        self._running: set[asyncio.Task[None]] = set()
        self._abandoned: set[tuple[UUID, Staged]] = set()
        self._swept_at = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look for work until the block ends; then what is not finished is anybody's."""
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            await asyncio.sleep(0)  # a task that never began could not give its lease back
            ending = {looking, *self._running}
            while ending:  # once does not do: a query that is being cancelled may end as an error, and its task go on
                for task in ending:
                    task.cancel()
                ending = (await asyncio.wait(ending, timeout=1))[1]

    async def extract(self, path: Path, name: str, media_type: str) -> Extraction:
        """Read a file, and measure how long it takes. Raises Unreadable."""
        started = time.perf_counter()
        try:
            return await self._extractor.extract(path, name, media_type, self._settings.job_seconds)
        finally:
            self._metrics.extraction.add(time.perf_counter() - started)

    def go_on(self, lease: Lease, extraction: Awaitable[Extraction], staged: Staged) -> None:
        """Finish an extraction that was begun for a request; the staged file is what it reads."""
        self._begin(self._finish(lease, extraction, staged))

    async def abandon(self, user: UUID, staged: Staged) -> None:
        """Take back a file whose row could not be written: now, or when the database answers again."""
        self._abandoned.add((user, staged))
        with suppress(psycopg.Error, OSError):
            await self._tidy()

    def _begin(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _look(self) -> None:
        while True:
            try:
                await self._sweep()
                await self._tidy()
                await self._take_over()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may find it gone
                log("job_exception", kind=type(error).__name__, place=place(error))
            await asyncio.sleep(min(LOOK_SECONDS, self._settings.lease_seconds))

    async def _take_over(self) -> None:
        while len(self._running) < self._settings.workers:
            if (lease := await leases.claim(self._database, self._settings.lease_seconds)) is None:
                return
            log("job_claimed", attempt=lease.attempt)
            self._begin(self._finish(lease, self._again(lease)))

    async def _again(self, lease: Lease) -> Extraction:
        if lease.attempt > leases.MOST_ATTEMPTS:
            raise GIVEN_UP
        async with self._database.of(lease.user) as connection:
            source = await sources.find(connection, lease.source_id)
        if source is None:
            raise LeaseLost
        path = self._storage.path(lease.user, source.sha256)
        if not path.exists():
            raise GONE
        return await self.extract(path, source.name, source.media_type)

    async def _finish(self, lease: Lease, extraction: Awaitable[Extraction], staged: Staged | None = None) -> None:
        working = asyncio.ensure_future(extraction)
        try:
            await self._write(lease, await self._renewing(lease, working))
        except LeaseLost:
            log("job_lost", attempt=lease.attempt)
        except asyncio.CancelledError:
            await _ended(working)
            with suppress(psycopg.Error):  # then it is anybody's when the lease is over
                await leases.give_back(self._database, lease)
            raise
        except Exception as error:  # noqa: BLE001 - the lease runs out, and somebody tries again
            log("job_exception", kind=type(error).__name__, place=place(error), attempt=lease.attempt)
        finally:
            if staged is not None:
                await self._storage.discard(staged)

    async def _renewing(self, lease: Lease, working: "asyncio.Future[Extraction]") -> Extraction | Unreadable:
        """Wait for the extraction, and renew the lease; stop when it cannot be known to be ours."""
        seconds = self._settings.lease_seconds
        until = time.monotonic() + seconds
        while not (await asyncio.wait({working}, timeout=seconds / 3))[0]:
            asked = time.monotonic()
            try:
                ours = await leases.renew(self._database, lease, seconds)
                until = asked + seconds
            except psycopg.Error:
                ours = time.monotonic() + seconds / 3 < until
            if not ours:
                await _ended(working)
                raise LeaseLost
        try:
            return working.result()
        except Unreadable as unreadable:
            return unreadable

    async def _write(self, lease: Lease, found: Extraction | Unreadable) -> None:
        """Write the outcome, unless the source is somebody else's by now."""
        try:
            async with self._database.of(lease.user) as connection:
                if not await leases.held(connection, lease):
                    raise LeaseLost
                if isinstance(found, Extraction):
                    await sources.ready(connection, lease.source_id, found)
                    await recording.record(connection, lease.source_id, "extracted", found.entities, found.links)
                else:
                    problem = {"code": found.code, "message": found.message}
                    await sources.failed(connection, lease.source_id, problem)
        except Refused as refused:
            await self._write(lease, Unreadable(refused.code, refused.message))

    async def _tidy(self) -> None:
        for user, staged in tuple(self._abandoned):
            await tidy.bytes_without_a_row(self._database, self._storage, user, staged.sha256)
            await self._storage.discard(staged)
            self._abandoned.discard((user, staged))

    async def _sweep(self) -> None:
        if self._swept_at and time.monotonic() - self._swept_at < SWEEP_SECONDS:
            return
        async for user, sha256 in self._storage.sweep():
            await tidy.bytes_without_a_row(self._database, self._storage, user, sha256)
        self._swept_at = time.monotonic()


async def _ended(working: "asyncio.Future[Extraction]") -> None:
    """Stop an extraction, and wait until it has stopped."""
    working.cancel()
    await asyncio.wait({working})
