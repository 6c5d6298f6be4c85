"""Rows of CSV files: the first names the columns, those after it have places such as ``row 3``."""

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neotoma.extraction.lines import Line, clean
from neotoma.extraction.model import Unreadable

if TYPE_CHECKING:
    import _csv

MOST_COLUMNS = 500
MOST_ROWS = 100_000  # that are read, as with MOST_CHARACTERS
DELIMITERS = ",;\t"
UNFINISHED = "unexpected end of data"  # in the words of the csv module


@dataclass(frozen=True)
class Row:
    """The filled cells by the name of their column. Row 1 of the file is the header."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """Columns in their order, each under a name of its own."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    whole: bool = True
    """Whether these are all rows of the file."""


def read(text: str, cut: bool = False) -> Table:
    """The table in a CSV text, or in the beginning of one that was ``cut``: a row that is not whole is left out.

    Raises Unreadable when it is none, or has an absurd number of columns.
    """
    header = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(DELIMITERS, key=header.count)
    filled, whole = _filled(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), cut)
    if cut and whole and len(filled) > 1 and not text.endswith(("\r", "\n")):
        filled.pop()
    if not filled:
        raise Unreadable("empty", "The file holds no cells. Fill it, then upload it again.")
    width = max(len(row) for _, row in filled)
    columns = _named(filled[0][1], width)
    return Table(columns, tuple(Row(number, _cells(columns, row)) for number, row in filled[1:]), whole and not cut)


def _filled(rows: "_csv.Reader", cut: bool) -> tuple[list[tuple[int, list[str]]], bool]:
    """The rows that hold something, with their numbers, and whether none follows them."""
    filled: list[tuple[int, list[str]]] = []
    try:
        for number, row in enumerate(rows, start=1):
            if not _holds_something(row):
                continue
            if number > MOST_ROWS:
                return filled, False
            filled.append((number, row))
    except csv.Error as error:
        if cut and UNFINISHED in str(error):  # in the midst of a quoted cell
            return filled, False
        raise Unreadable("bad_csv", f"Line {rows.line_num} is not CSV: {error}. Correct it.") from error
    return filled, True


def lines(table: Table) -> list[Line]:
    """The header and the rows as lines of text: ``name: Ada; born: 1815``."""
    header = Line(1, "; ".join(table.columns), "row 1")
    rows = (
        Line(row.number, "; ".join(f"{name}: {cell}" for name, cell in row.cells.items()), f"row {row.number}")
        for row in table.rows
    )
    return [header, *rows]


def _holds_something(row: list[str]) -> bool:
    if len(row) > MOST_COLUMNS:
        raise Unreadable("too_many_columns", f"A row has more than {MOST_COLUMNS} cells. Divide the table.")
    return any(clean(cell) for cell in row)


def _named(header: list[str], width: int) -> tuple[str, ...]:
    """A name for each column: its own if it has one that no other has."""
    names: list[str] = []
    for index in range(width):
        name = clean(header[index])[:100] if index < len(header) else ""
        names.append(name if name and name not in names else f"column {index + 1}")
    return tuple(names)


def _cells(columns: tuple[str, ...], row: list[str]) -> dict[str, str]:
    return {name: text for name, cell in zip(columns, row, strict=False) if (text := " ".join(clean(cell).split()))}
