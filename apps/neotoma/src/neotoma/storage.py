"""Where the bytes of files are kept: a port, and a local folder behind it.

The folder, which outlives the service and which all its processes share, has

- ``files/USER/SHA256``: the kept files, each whole from the moment it has its name;
- ``staging/RANDOM``: a file that arrives, locked by the process that takes it in, so that a process killed half-way
  leaves what nobody holds. ``staging/RANDOM.USER.SHA256`` is a second name of one that is about to be kept, so that
  ``sweep`` can tell whose bytes may have been kept without a row that speaks of them.
"""

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import UUID

import anyio.to_thread

LEFT_BEHIND_SECONDS = 3_600
"""A staged file that no process holds is left alone until it is this old."""
STAGED = re.compile(r"[0-9a-f]{32}(?:\.(?P<user>[0-9a-f-]{36})\.(?P<sha256>[0-9a-f]{64}))?")
PROBE = "probe-"
Result = TypeVar("Result")


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
        """Make it this user's; the same bytes twice are kept once. The staged file stays until it is discarded."""
        ...

    async def delete(self, user: UUID, sha256: str | None = None) -> None:
        """Delete one file, or all of a user's; none is fine too."""
        ...

    def sweep(self) -> AsyncIterator[tuple[UUID, str]]:
        """Forget what ended processes had staged. Gives whose bytes may have been kept without a row, each until it
        is asked for the next one."""
        ...

    async def check(self) -> None:
        """Write a byte and delete it. Raises OSError."""
        ...

    def path(self, user: UUID, sha256: str) -> Path:
        """Where a kept file is; it may have gone."""
        ...


class LocalStorage:
    """A folder of this machine. The disk is waited for in threads, never by the event loop."""

    def __init__(self, folder: Path) -> None:
        self._files, self._staging = folder / "files", folder / "staging"
        self._held: dict[Path, int] = {}

    async def stage(self, chunks: AsyncIterator[bytes]) -> Staged:
        """See Storage."""
        path = self._staging / uuid.uuid4().hex
        self._held[path] = descriptor = await _in_thread(_created, path)
        digest, length = hashlib.sha256(), 0
        try:
            async for chunk in chunks:
                await _in_thread(_append, descriptor, chunk, digest)
                length += len(chunk)
            await _in_thread(os.fsync, descriptor)
        except BaseException:
            self._forget(path)
            raise
        return Staged(path, digest.hexdigest(), length)

    async def discard(self, staged: Staged) -> None:
        """See Storage."""
        self._forget(staged.path)

    async def keep(self, user: UUID, staged: Staged) -> Path:
        """See Storage."""
        kept = self.path(user, staged.sha256)
        await _in_thread(_keep, staged, kept, user)
        return kept

    async def delete(self, user: UUID, sha256: str | None = None) -> None:
        """See Storage."""
        await _in_thread(_delete, self._files / str(user), sha256)

    async def sweep(self) -> AsyncIterator[tuple[UUID, str]]:
        """See Storage."""
        for path in await _in_thread(_left_behind, self._staging):
            match = STAGED.fullmatch(path.name)
            if match and match["user"]:
                yield UUID(match["user"]), match["sha256"]
            path.unlink(missing_ok=True)

    async def check(self) -> None:
        """See Storage."""
        await anyio.to_thread.run_sync(_probe, self._staging, abandon_on_cancel=True)  # a disk may hang

    def path(self, user: UUID, sha256: str) -> Path:
        """See Storage."""
        return self._files / str(user) / sha256

    def _forget(self, path: Path) -> None:
        """Two or three system calls; not in a thread, so that a cancelled request leaves nothing either."""
        for name in path.parent.glob(f"{path.name}*"):
            name.unlink(missing_ok=True)
        if (descriptor := self._held.pop(path, None)) is not None:
            os.close(descriptor)


async def _in_thread(work: Callable[..., Result], *given: Any) -> Result:
    """Run it in a thread, and be cancelled only after it: what it works on may be taken away then."""
    task = asyncio.ensure_future(anyio.to_thread.run_sync(work, *given))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _created(path: Path) -> int:
    """A new file, locked; its descriptor holds the lock."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _append(descriptor: int, chunk: bytes, digest: "hashlib._Hash") -> None:
    digest.update(chunk)
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _keep(staged: Staged, kept: Path, user: UUID) -> None:
    """Give the staged file its lasting name, and the folder that has it to the disk."""
    new = not kept.parent.exists()
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in (staged.path.with_name(f"{staged.path.name}.{user}.{staged.sha256}"), kept):
        with suppress(FileExistsError):  # the same bytes, and whole
            name.hardlink_to(staged.path)
    for folder in (kept.parent, kept.parent.parent, kept.parent.parent.parent)[: 3 if new else 1]:
        _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _delete(folder: Path, sha256: str | None) -> None:
    if sha256 is None:
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
    else:
        (folder / sha256).unlink(missing_ok=True)


def _left_behind(staging: Path) -> list[Path]:
    """What no process holds any more; the second names first, for while one is there, so is its doubt."""
    names = sorted(staging.iterdir(), reverse=True) if staging.exists() else []
    ours = (path for path in names if STAGED.fullmatch(path.name) or path.name.startswith(PROBE))
    return [path for path in ours if _unheld(path)]


def _unheld(path: Path) -> bool:
    """Old, and no living process has it."""
    try:
        if time.time() - path.stat().st_mtime < LEFT_BEHIND_SECONDS:
            return False
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _probe(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{PROBE}{uuid.uuid4().hex}"
    try:
        path.write_bytes(b"?")
    finally:
        path.unlink(missing_ok=True)
