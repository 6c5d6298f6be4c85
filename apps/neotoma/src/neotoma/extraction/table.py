"""Rows of CSV files: the first names the columns, those after it have places such as ``row 3``."""

import csv
import io
from dataclasses import dataclass

from neotoma.extraction.lines import Line, clean
from neotoma.extraction.model import Unreadable

MOST_COLUMNS = 500
MOST_ROWS = 100_000
DELIMITERS = ",;\t"


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


def read(text: str) -> Table:
    """The table in a CSV text. Raises Unreadable when it is none, or has an absurd number of columns."""
    header = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(DELIMITERS, key=header.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        filled = [(number, row) for number, row in enumerate(rows, start=1) if _checked(number, row)]
    except csv.Error as error:
        raise Unreadable("bad_csv", f"Line {rows.line_num} is not CSV: {error}. Correct it.") from error
    if not filled:
        raise Unreadable("empty", "The file holds no cells. Fill it, then upload it again.")
    width = max(len(row) for _, row in filled)
    columns = _named(filled[0][1], width)
    return Table(columns, tuple(Row(number, _cells(columns, row)) for number, row in filled[1:]))


def lines(table: Table) -> list[Line]:
    """The header and the rows as lines of text: ``name: Ada; born: 1815``."""
    header = Line(1, "; ".join(table.columns), "row 1")
    rows = (
        Line(row.number, "; ".join(f"{name}: {cell}" for name, cell in row.cells.items()), f"row {row.number}")
        for row in table.rows
    )
    return [header, *rows]


def _checked(number: int, row: list[str]) -> bool:
    if number > MOST_ROWS:
        raise Unreadable("too_many_rows", f"The table has more than {MOST_ROWS:,} rows. Divide it.")
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
