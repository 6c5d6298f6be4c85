"""A log in numbered files ``log.000001``, ``log.000002``, …: never renamed, the oldest removed; standard library only.

A line is never split between two files, so each file can be read by itself.
"""

# Pathlib takes as long to import as everything else here together.
# ruff: noqa: PTH118, PTH122, PTH208, PTH123, PTH107

from __future__ import annotations

import contextlib
import os

from goaround.outliving import durable


def files(folder: str) -> list[str]:
    """The files of the log that are there, oldest first."""
    try:
        names = [name for name in os.listdir(folder) if name.startswith("log.") and name[4:].isdigit()]
    except OSError:
        return []
    return [os.path.join(folder, name) for name in sorted(names, key=lambda name: int(name[4:]))]


def tail(folder: str, lines: int) -> str:
    """The last lines of the log, across its files."""
    found: list[bytes] = []
    for path in reversed(files(folder)):
        if len(found) >= lines:
            break
        found = _last_lines(path, lines - len(found)) + found
    return b"".join(found).decode("utf-8", "replace")


def _last_lines(path: str, lines: int) -> list[bytes]:
    content = b""
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        at = file.seek(0, os.SEEK_END)
        while at > 0 and content.count(b"\n") <= lines:
            size = min(65536, at)
            at -= size
            file.seek(at)
            content = file.read(size) + content
    return content.splitlines(keepends=True)[-lines:] if lines else []


class RotatedLog:
    """The writing end. A full disk costs lines, which is said in the log once there is room, and stops nothing."""

    def __init__(self, folder: str, max_bytes: int, max_files: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._max_files = max(1, max_files)
        self._lost_bytes = 0
        present = files(folder)
        self._number = int(os.path.splitext(present[-1])[1][1:]) if present else 1
        self._line_is_open = False
        self._open()
        self._finish_line()

    def write(self, content: bytes) -> None:
        """Append; goes on in the next file at the end of the line with which this one is full."""
        while (cut := self._cut(content)) is not None:
            self._append(content[:cut])
            content = content[cut:]
            if not self._next():
                break
        self._append(content)

    def say(self, line: str) -> None:
        """A line of goaround's own."""
        start = "\n" if self._line_is_open else ""
        self._append(f"{start}goaround: {line}\n".encode("utf-8", "replace"))

    def _cut(self, content: bytes) -> int | None:
        """Where this file ends; None if it has room. A line as long as a whole file is cut wherever it is."""
        room = self._max_bytes - self._size
        if len(content) < room:
            return None
        end = content.find(b"\n", max(0, room - 1)) + 1
        spare = room + self._max_bytes
        return end or (max(0, spare) if len(content) >= spare else None)

    def _append(self, content: bytes) -> None:
        if not content:
            return
        try:
            if self._lost_bytes:
                self._put(f"\ngoaround: {self._lost_bytes} bytes of this log were lost\n".encode())
                self._lost_bytes = 0
            self._put(content)
        except OSError:
            self._lost_bytes += len(content)

    def _put(self, content: bytes) -> None:
        durable.write_all(self._fd, content)
        self._size += len(content)
        self._line_is_open = not content.endswith(b"\n")

    def _next(self) -> bool:
        previous = self._fd
        self._number += 1
        try:
            self._open()
        except OSError:
            self._number -= 1
            return False
        os.close(previous)
        for path in files(self._folder)[: -self._max_files]:
            with contextlib.suppress(OSError):
                os.remove(path)
        return True

    def _open(self) -> None:
        path = os.path.join(self._folder, f"log.{self._number:06}")
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._fd).st_size

    def _finish_line(self) -> None:
        """What was cut off by a kill must not run together with what comes now."""
        if self._size and os.pread(self._fd, 1, self._size - 1) != b"\n":
            self._append(b"\n")
