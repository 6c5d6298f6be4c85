"""Output of a command as it grows; standard library only."""

from __future__ import annotations

import codecs
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

TAIL_BYTES = 64 * 1024
LONGEST_LINE_BYTES = 8192


class GrowingOutput:
    """A file that is being written, shown by the line; a longer one in pieces of 8 KiB.

    So what is shown begins at the same offsets whenever it is read, and can be told from what was seen before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shown = 0

    def show(self, on_output: Callable[[int, str], None], *, complete: bool = False) -> None:
        """Hand on the lines that are new; with ``complete`` also a last one without an end."""
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._shown)
            while line := file.readline(LONGEST_LINE_BYTES):
                if not line.endswith(b"\n") and len(line) < LONGEST_LINE_BYTES and not complete:
                    return
                line = _whole_characters(line)
                at, self._shown = self._shown, self._shown + len(line)
                file.seek(self._shown)
                on_output(at, line.decode("utf-8", "replace"))

    def tail(self) -> str:
        """The last 64 KiB."""
        try:
            with self._path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""


def _whole_characters(piece: bytes) -> bytes:
    """Without the beginning of a character at the end of a piece of a long line."""
    if len(piece) < LONGEST_LINE_BYTES:
        return piece
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(piece)
    return piece[: len(piece) - len(decoder.getstate()[0])]
