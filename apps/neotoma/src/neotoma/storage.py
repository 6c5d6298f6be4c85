"""Where the bytes of files are kept: a port, and a local folder behind it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True)
class Staged:
    """A file that arrived and is durable, but belongs to nobody yet; ``path`` can be read by other processes."""

    path: Path
    sha256: str
    bytes: int


class Storage(Protocol):
    """Keeps files by user and digest. What is kept is durable when the call returns."""

    async def stage(self, chunks: AsyncIterator[bytes]) -> Staged:
        """Take the bytes in as they come. If the iterator raises, nothing is left."""
        ...

    async def discard(self, staged: Staged) -> None:
        """Forget a staged file; none is fine too."""
        ...

    async def keep(self, user: UUID, staged: Staged) -> Path:
        """Make it this user's; the same bytes twice are kept once."""
        ...

    async def delete(self, user: UUID, sha256: str | None = None) -> None:
        """Delete one file, or all of a user's; none is fine too."""
        ...

    def path(self, user: UUID, sha256: str) -> Path:
        """Where a kept file is; it may have gone."""
        ...
