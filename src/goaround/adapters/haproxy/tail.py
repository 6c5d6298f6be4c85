"""Follows a log through its rotation: whole lines, each once, from a point in time on.

Files are found by their name (``front-door.log``, ``front-door.log.1`` and so on) and known by inode and first bytes,
so it does not matter how they are renamed between two readings.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 20
_FINGERPRINT = 32

_Known = tuple[int, bytes]


class Tail:
    """The lines of a log that begin ``ga1 <ms> …`` with ms of at least ``from_ms``, and whatever else is after them."""

    def __init__(self, path: Path, from_ms: int) -> None:
        self._path = path
        self._from_ms = from_ms
        self._read_up_to: dict[_Known, int] = {}

    def lines(self) -> Iterator[bytes]:
        """What was added since the last call; a line that is not finished yet is left for the next."""
        found: dict[_Known, int] = {}
        for path in self._files():
            try:
                with path.open("rb") as file:
                    known = (os.fstat(file.fileno()).st_ino, file.read(_FINGERPRINT))
                    if len(known[1]) < _FINGERPRINT or known in found:
                        continue
                    start = self._read_up_to.get(known)
                    found[known] = _first_since(file, self._from_ms) if start is None else start
                    for line in _whole_lines(file, found[known]):
                        found[known] += len(line)
                        yield line
            except FileNotFoundError:  # rotated away under our hands; heartbeats tell whether anything is missing
                continue
        self._read_up_to = found

    def _files(self) -> list[Path]:
        """Oldest first, leaving out what was last written before the time asked for."""
        stats = []
        for path in self._path.parent.glob(self._path.name + "*"):
            try:
                stats.append((path.stat().st_mtime_ns, path))
            except FileNotFoundError:
                continue
        return [path for written, path in sorted(stats) if written // 1_000_000 >= self._from_ms]


def _whole_lines(file: BinaryIO, start: int) -> Iterator[bytes]:
    file.seek(start)
    rest = b""
    while chunk := file.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"


def _first_since(file: BinaryIO, from_ms: int) -> int:
    """Where the first line of that time or later begins, found by halving; at most one block too early."""
    low, high = 0, os.fstat(file.fileno()).st_size
    while high - low > 16_384:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        at = _next_stamp(file)
        if at is None or at >= from_ms:
            high = middle
        else:
            low = middle
    file.seek(low)
    return 0 if low == 0 else low + len(file.readline())


def _next_stamp(file: BinaryIO) -> int | None:
    for _ in range(200):
        match file.readline().split(b" ", 2):
            case [b"ga1", at, _] if at.isdigit():
                return int(at)
            case [b""]:
                return None
    return None
