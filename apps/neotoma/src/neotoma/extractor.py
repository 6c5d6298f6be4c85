"""Runs extractions in processes of their own, which may be slow, large or ended, and never the service with them."""

from pathlib import Path
from typing import Protocol

from neotoma.extraction.model import Extraction


class Extractor(Protocol):
    """A pool of workers."""

    async def extract(self, path: Path, name: str, media_type: str, seconds: float) -> Extraction:
        """The facts in a file. Raises Unreadable; its code is ``too_slow`` when the time is over (the worker is
        ended), ``too_complex`` when the worker died of its memory limit or otherwise."""
        ...

    async def close(self) -> None:
        """End every worker."""
        ...
