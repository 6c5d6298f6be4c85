"""Lines of text with their places, and their gathering into chunks."""

import re
import unicodedata
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from neotoma.extraction.model import LONGEST_CHUNK, Chunk

MOST_CHARACTERS = 2_000_000  # that are read; a file that holds more is kept whole, and its beginning is read
MOST_LINES_A_CHUNK = 40
UNPRINTABLE = {"Cc", "Cs", "Cn", "Co"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line, or row, of a file: its number counts from 1, on its page if there are pages."""

    number: int
    text: str
    place: str
    scanned: bool = False
    """Whether it was read from a picture, where signs are easily mistaken for each other."""


Pages = Generator[tuple[str, list[Line] | None], None, None]
"""The lines of each page by its name; a last one with None says that there are more."""


@dataclass(frozen=True)
class Part:
    """What was read of a file that holds more, such as ``the first 2,000 pages``, and the place where that ends.

    ``sha256`` is the digest of the whole file, for two that only begin alike are not the same document.
    """

    read: str
    place: str
    sha256: str


def clean(text: str) -> str:
    """Composed letters, no control or unassigned characters, tabs as two spaces, nothing at the ends."""
    if text.isascii() and text.isprintable():  # as most are
        return text.strip()
    text = unicodedata.normalize("NFC", text.replace("\t", "  ").replace("\xa0", " "))
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(mark) in UNPRINTABLE else mark for mark in text)
    return text.strip()


def numbered(text: str, before: str = "") -> Iterator[Line]:
    """The lines that hold something, numbered as an editor numbers them; ``before`` is such as ``page 2, ``."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if cleaned := clean(line):
            yield Line(number, cleaned, f"{before}line {number}")


def fitting(lines: Iterable[Line], most: int = MOST_CHARACTERS) -> Iterator[Line]:
    """The lines until they hold more than ``most`` characters together; the first is cut if it alone does."""
    total = 0
    for line in lines:
        if not total and len(line.text) >= most > LONGEST_CHUNK:
            yield replace(line, text=line.text[: most - 1].rstrip())
        total += len(line.text) + 1
        if total > most:
            return
        yield line


def chunked(lines: Iterable[Line], unit: str = "line", page: str = "") -> tuple[Chunk, ...]:
    """The text in chunks. Their places are such as ``lines 1–40``, or ``page 2`` where one chunk holds the page.

    Empty lines between others stay, so a line's position in its chunk and the chunk's place give its number.
    """
    groups = list(_groups(lines))
    if page and len(groups) == 1 and groups[0][0].number == 1:
        return (Chunk(page, _joined(groups[0])),)
    before = f"{page}, " if page else ""
    return tuple(Chunk(before + _span(group, unit), _joined(group)) for group in groups)


def _groups(lines: Iterable[Line]) -> Iterator[list[Line]]:
    group: list[Line] = []
    size = 0
    for line in lines:
        for piece in _pieces(" ".join(line.text.split())):
            gap = line.number - group[-1].number if group else 0
            if group and (size + gap + len(piece) >= LONGEST_CHUNK or len(group) == MOST_LINES_A_CHUNK):
                yield group
                group, size = [], 0
            group.append(line if piece == line.text else Line(line.number, piece, line.place))
            size += len(piece) + max(1, gap)
    if group:
        yield group


def _pieces(text: str) -> Iterator[str]:
    """The text in parts of at most LONGEST_CHUNK characters, cut between words where there is a space."""
    while len(text) > LONGEST_CHUNK:
        cut = text.rfind(" ", 1, LONGEST_CHUNK + 1)
        cut = cut if cut > 0 else LONGEST_CHUNK
        yield text[:cut]
        text = text[cut:].lstrip(" ")
    if text:
        yield text


def _joined(group: list[Line]) -> str:
    gaps = (max(1, line.number - before.number) for before, line in pairwise(group))
    return group[0].text + "".join("\n" * gap + line.text for gap, line in zip(gaps, group[1:], strict=True))


def _span(group: list[Line], unit: str) -> str:
    first, last = group[0].number, group[-1].number
    return f"{unit} {first}" if first == last else f"{unit}s {first}–{last}"
