"""From bytes to facts, by rules only: the same file gives the same facts on every machine, today and next year.

A text file gives one fact a line, a CSV file one a row, a PDF one a page. The PDF reader is loaded when one comes.
"""

import csv
import io
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

LONGEST_FACT = 8_000  # characters; a longer line is several facts, for PostgreSQL indexes no more than 1 MB of words
MOST_FACTS = 100_000


class Unreadable(Exception):
    """A file that holds nothing we can take facts from. ``code`` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Fact:
    """A piece of text and where in the file it stands, such as ``row 3``."""

    place: str
    text: str


@dataclass(frozen=True)
class Extraction:
    """What was found in one file."""

    kind: str
    facts: tuple[Fact, ...]

    @property
    def text(self) -> str:
        """All of it, in order."""
        return "\n".join(fact.text for fact in self.facts)


def extract(name: str, content: bytes) -> Extraction:
    """The facts in a file. Raises Unreadable, saying why, for anything but a text, CSV or text PDF file."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in READERS:
        raise Unreadable("unknown_type", f"{suffix or 'No ending'} is not a known type. Send .txt, .csv or .pdf.")
    if not content.strip():
        raise Unreadable("empty", "The file is empty. Nothing was stored.")
    if content.startswith(b"%PDF-") != (suffix == ".pdf"):
        raise Unreadable("mislabelled", f"The content is not what {suffix} promises. Give the file its right ending.")
    kind, reader = READERS[suffix]
    facts = tuple(_bounded(reader(content)))
    if not facts:
        raise Unreadable("no_text", "There is no text in this file. Scanned pages cannot be read yet.")
    return Extraction(kind, facts)


def _bounded(pieces: Iterable[Fact]) -> Iterator[Fact]:
    """The facts with white space made single, none too long and not too many."""
    count = 0
    for fact in pieces:
        text = " ".join(unicodedata.normalize("NFC", fact.text).split())
        for part in _parts(text):
            count += 1
            if count > MOST_FACTS:
                raise Unreadable("too_many_facts", f"The file holds more than {MOST_FACTS} facts. Divide it.")
            yield Fact(fact.place, part)


def _parts(text: str) -> Iterator[str]:
    """The text in parts of at most LONGEST_FACT characters, cut between words where there is a space."""
    while len(text) > LONGEST_FACT:
        cut = text.rfind(" ", 1, LONGEST_FACT + 1)
        cut = cut if cut > 0 else LONGEST_FACT
        yield text[:cut]
        text = text[cut:].lstrip(" ")
    if text:
        yield text


def _decoded(content: bytes) -> str:
    if b"\0" in content:
        raise Unreadable("nul_bytes", "The file holds NUL bytes, so it is not text. Save it as UTF-8.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("not_utf8", f"The file is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error


def _lines(content: bytes) -> Iterator[Fact]:
    for number, line in enumerate(_decoded(content).splitlines(), start=1):
        yield Fact(f"line {number}", line)


def _rows(content: bytes) -> Iterator[Fact]:
    """Row 1 names the columns; each row after it is a fact of its filled cells, ``name: Ada; born: 1815``."""
    text = _decoded(content)
    header = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in next(rows, [])]
        for number, row in enumerate(rows, start=2):
            yield Fact(f"row {number}", "; ".join(_cells(names, row)))
    except csv.Error as error:
        raise Unreadable("bad_csv", f"Line {rows.line_num} is not CSV: {error}. Correct it.") from error


def _cells(names: list[str], row: list[str]) -> Iterator[str]:
    for index, cell in enumerate(row):
        if cell.strip():
            name = (names[index] if index < len(names) else "") or f"column {index + 1}"
            yield f"{name}: {cell.strip()}"


def _pages(content: bytes) -> Iterator[Fact]:
    from neotoma import pdf

    for number, text in enumerate(pdf.pages(content), start=1):
        yield Fact(f"page {number}", text)


READERS: dict[str, tuple[str, Callable[[bytes], Iterator[Fact]]]] = {
    ".txt": ("text", _lines),
    ".csv": ("csv", _rows),
    ".pdf": ("pdf", _pages),
}
