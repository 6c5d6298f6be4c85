"""Where in a TOML text each key stands. ``tomllib`` does not say; mistakes should be one click away.

The text is known to be valid TOML, so this only has to keep its place, not to judge.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

Path = tuple[str | int, ...]
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_SCALAR = re.compile(r"[^,\]}#\n]+")
_STRINGS = (  # a multi-line string may end in up to two quotes of its own
    re.compile(r'"""(?:[^\\]|\\.)*?"""(?!")', re.DOTALL),
    re.compile(r"'''.*?'''(?!')", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


class Locator:
    """``of(path)`` is the line and column (from 1) of a key, an array item, or the nearest thing around it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._arrays: dict[Path, int] = {}
        self.offsets: dict[Path, int] = {}
        """Offset of each path in the text; the first mention counts."""
        self._document()

    def of(self, path: Path) -> tuple[int, int]:
        while path and path not in self.offsets:
            path = path[:-1]
        offset = self.offsets.get(path, 0)
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def _document(self) -> None:
        table: Path = ()
        self._skip(_SPACE)
        while self._at < len(self._text):
            table = self._header() if self._text[self._at] == "[" else self._pair(table)
            self._skip(_SPACE)

    def _header(self) -> Path:
        """``[a.b]`` or ``[[a.b]]``; returns the table that the following pairs belong to."""
        is_array = self._text.startswith("[[", self._at)
        start = self._at
        self._at += 2 if is_array else 1
        path = self._dotted((), names_array=is_array)
        self._at += 2 if is_array else 1
        if not is_array:
            return path
        self._arrays[path] = self._arrays.get(path, -1) + 1
        item = (*path, self._arrays[path])
        self.offsets[item] = start
        return item

    def _pair(self, table: Path) -> Path:
        """``a.b = value``; returns the table it stands in."""
        path = self._dotted(table)
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(path)
        return table

    def _dotted(self, path: Path, *, names_array: bool = False) -> Path:
        while True:
            self._skip(_BLANK)
            key = _KEY.match(self._text, self._at)
            assert key is not None
            path = (*path, _unquoted(key[0]))
            self.offsets.setdefault(path, self._at)
            self._at = key.end()
            self._skip(_BLANK)
            dot = self._text[self._at] == "."
            if path in self._arrays and (dot or not names_array):
                path = (*path, self._arrays[path])
            if not dot:
                return path
            self._at += 1

    def _value(self, path: Path) -> None:
        match self._text[self._at]:
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case '"' | "'":
                string = next(found for kind in _STRINGS if (found := kind.match(self._text, self._at)))
                self._at = string.end()
            case _:
                self._skip(_SCALAR)

    def _array(self, path: Path) -> None:
        index = 0
        self._next()
        while self._text[self._at] != "]":
            self.offsets[*path, index] = self._at
            self._value((*path, index))
            self._skip(_SPACE)
            if self._text[self._at] == ",":
                self._next()
            index += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._next()
        while self._text[self._at] != "}":
            self._pair(path)
            self._skip(_SPACE)
            if self._text[self._at] == ",":
                self._next()
        self._at += 1

    def _next(self) -> None:
        self._at += 1
        self._skip(_SPACE)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at


def _unquoted(key: str) -> str:
    """A key as ``tomllib`` reads it; it knows the escapes."""
    return next(iter(tomllib.loads(f"{key} = 0"))) if key[0] in "\"'" else key
