"""The text of a source as lines with numbers, and the lines that a place such as ``page 2, line 5`` means."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from neotoma.extraction.model import Chunk

PLACE = re.compile(r"(?:(page \d+)(?:, |$))?(?:(?:line|row)s? (\d+)(?:–(\d+))?)?(?:, .*)?")
SPAN = tuple[str, int, int]


@dataclass(frozen=True)
class Line:
    """A line as it is shown; ``there`` is whether the place means it, ``first`` whether it is the first of those."""

    number: int
    text: str
    there: bool
    first: bool


@dataclass(frozen=True)
class Passage:
    """A chunk as it is shown."""

    place: str
    lines: Sequence[Line]


def passages(chunks: Sequence[Chunk], place: str) -> tuple[list[Passage], bool]:
    """The chunks as lines, and whether one of them is at the place. Without a place, none is."""
    wanted, shown, met = _span(place) if place else None, [], False
    for chunk in chunks:
        lines = list(_lines(chunk, wanted, met))
        met = met or any(line.there for line in lines)
        shown.append(Passage(chunk.place, lines))
    return shown, met


def _lines(chunk: Chunk, wanted: SPAN | None, met: bool) -> Iterator[Line]:
    texts = chunk.text.split("\n")
    page, first, last = _span(chunk.place) or ("", 1, len(texts))
    exact = not last or last - first + 1 == len(texts)
    for number, text in enumerate(texts, start=first or 1):
        there = False
        if wanted is not None and wanted[0] == page:
            asked, until = wanted[1] or 0, wanted[2] or 10**9
            # Where the numbers of the lines are not certain, all of the chunk is marked, and never a wrong line.
            there = asked <= number <= until if exact else asked <= last and until >= first
        yield Line(number, text, there, there and not met)
        met = met or there


def _span(place: str) -> SPAN | None:
    """The page (or nothing), the first and the last line; 0 for all of them."""
    if not (found := PLACE.fullmatch(place)):
        return None
    page, first, last = found.groups()
    if not page and not first:
        return None
    return page or "", int(first or 0), int(last or first or 0)
