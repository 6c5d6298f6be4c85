"""Runs extractions in processes of their own, which may be slow, large or ended, and never the service with them."""

import asyncio
import importlib
import multiprocessing
import os
import resource
import signal
import threading
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from pathlib import Path
from typing import Protocol

from pebble import ProcessExpired, ProcessPool

from neotoma.extraction import reading
from neotoma.extraction.model import Extraction, Unreadable

WORKER_MEMORY_BYTES = 1_536 * 1024 * 1024
WORKER_FILE_BYTES = 64 * 1024 * 1024
ATTEMPTS = 3


class Extractor(Protocol):
    """A pool of workers."""

    async def extract(self, path: Path, name: str, media_type: str, seconds: float) -> Extraction:
        """The facts in a file. Raises Unreadable; its code is ``too_slow`` when the time is over (the worker is
        ended), ``too_complex`` when the worker died of its memory limit or otherwise."""
        ...

    async def close(self) -> None:
        """End every worker."""
        ...


class ProcessExtractor:
    """An Extractor. Workers start at once and live on; one that is ended is replaced.

    ``seconds`` count from when a worker begins, not while a file waits for one. Cancelling ``extract`` ends its
    worker: shield the call when others wait for its end.
    """

    def __init__(self, workers: int, memory_bytes: int = WORKER_MEMORY_BYTES) -> None:
        self._workers, self._memory_bytes = workers, memory_bytes
        self._pool = self._fresh()
        self._closed = False

    async def extract(self, path: Path, name: str, media_type: str, seconds: float) -> Extraction:
        """See Extractor; ``media_type`` follows from the name's ending here."""
        del media_type
        if self._closed:
            raise RuntimeError("The extractor is closed; no file is read any more.")
        for _ in range(ATTEMPTS):
            try:
                return await asyncio.wrap_future(
                    (await self._living()).schedule(reading.extract, args=(path, name), timeout=seconds)
                )
            except BrokenProcessPool:  # a worker was killed while nothing ran, and pebble notices only now
                continue
            except TimeoutError as error:
                raise Unreadable(
                    "too_slow", f"Reading the file took more than {seconds:g} seconds. Divide it, or send fewer pages."
                ) from error
            except ProcessExpired as error:
                raise reading.too_complex() from error
        raise reading.too_complex()

    async def close(self) -> None:
        """End every worker, at work or not."""
        self._closed = True
        await self._end(self._pool)

    async def _living(self) -> ProcessPool:
        """The pool, or another one: pebble takes the death of a worker while nothing ran for the end of all."""
        if not self._pool.active:
            broken, self._pool = self._pool, self._fresh()
            await self._end(broken)
        return self._pool

    def _fresh(self) -> ProcessPool:
        # Spawned, for a fork of a service with threads may inherit a lock that nobody will open.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPool(self._workers, 0, _become_worker, (self._memory_bytes,), context)
        pool.schedule(_ready)  # or workers would start with the first file, whose sender would wait for them
        return pool

    @staticmethod
    async def _end(pool: ProcessPool) -> None:
        pool.stop()  # type: ignore[no-untyped-call]
        await asyncio.to_thread(pool.join)


def _become_worker(memory_bytes: int) -> None:
    """A group of its own, which a Ctrl-C at the service does not reach, with limits, and not outliving the service."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (WORKER_FILE_BYTES, WORKER_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_end_with_service, daemon=True).start()
    importlib.import_module("neotoma.extraction.pdf")  # PDFium and Pillow, which the service itself never loads


def _ready() -> None:
    """The first task of a pool."""


def _end_with_service() -> None:
    service = multiprocessing.parent_process()
    if service is not None:
        connection.wait([service.sentinel])
        os.killpg(0, signal.SIGKILL)  # tesseract too
