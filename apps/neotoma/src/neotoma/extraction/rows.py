"""From the rows of a table to entities: transactions of a statement, contacts of a list, or the mere table."""

import re
from collections.abc import Mapping

from neotoma.extraction import money, types, values
from neotoma.extraction.findings import (
    LONGEST_NAME,
    LONGEST_TITLE,
    RECOGNISED_BY,
    Findings,
    only_read,
    shortened,
    unnamed,
)
from neotoma.extraction.lines import Part
from neotoma.extraction.model import Chunk, Extraction
from neotoma.extraction.shapes import Column, TableType
from neotoma.extraction.table import Row, Table
from neotoma.memory.model import Field

MOST_ROWS = 1_000  # that become entities; all are found by searching
OF_ALL = ("booked_on", "account")
"""What the document tells of all its rows, also of those that are too many to become entities."""
Known = Mapping[str, Column]
"""What the columns of a table mean, by their name in the file."""

_INVOICE = re.compile(
    r"\b(?:invoice|rechnung|inv)\b[ .:#-]*(?:(?:no|number|nr)\b)?[ .:#-]*(?P<number>.+)", re.IGNORECASE
)
_BRACKETS = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]$")


def from_table(table: Table, chunks: tuple[Chunk, ...], part: Part | None = None) -> Extraction:
    """What a CSV file says; if only a part of it was read, not how many rows it has or when they end."""
    kind, known = recognised(table)
    findings = Findings()
    habits = _habits(table, known)
    said = [_fields(row, known, habits) for row in table.rows[:MOST_ROWS]] if kind else []
    of_all = {title: column for title, column in known.items() if column.name in OF_ALL}
    every = [_fields(row, of_all, habits) for row in table.rows] if kind and of_all else []
    span = _span(every) if part is None else {}
    title = _title(kind, table, span)
    fields = {"title": Field(title, "text", "row 1"), **_counts(table, part), **span, **only_read(part)}
    account = _account(every)
    days = title.removeprefix("Bank statement ")
    name = f"{account.value} {days}" if account and span else unnamed(title, chunks, part)
    fields |= {"account": account} if account else {}
    document = findings.add(kind.name if kind else "table", name, fields)
    for each in said:
        if kind and each:
            _add_row(findings, document, kind, each)
    return findings.extraction(title, chunks)


def _title(kind: TableType | None, table: Table, span: Mapping[str, Field]) -> str:
    """``Bank statement 2026-01-05 to 2026-01-31``, or what the columns are."""
    name = (kind.name if kind else "table").replace("_", " ").capitalize()
    if span:
        return f"{name} {span['period_from'].value} to {span['period_to'].value}"
    return shortened(f"{name}: {', '.join(table.columns)}", LONGEST_TITLE)


def recognised(table: Table) -> tuple[TableType | None, Known]:
    """The type with most telling columns, two at least, and what its columns mean."""
    best: tuple[int, TableType | None, Known] = (RECOGNISED_BY - 1, None, {})
    for kind in types.TABLES:
        known = _meanings(table, kind)
        names = {column.name for column in known.values()}
        telling = sum(column.telling for column in known.values())
        if telling > best[0] and all(names.intersection(group) for group in kind.needs):
            best = (telling, kind, known)
    return best[1], best[2]


def _meanings(table: Table, kind: TableType) -> Known:
    known: dict[str, Column] = {}
    for title in table.columns:
        plain = _BRACKETS.sub("", title).strip().lower().replace("_", " ")
        column = next((each for each in kind.columns if plain in each.titles), None)
        if column is not None and column not in known.values():
            known[title] = column
    return known


def _habits(table: Table, known: Known) -> values.Habits:
    """From the cells that hold dates and money, and from titles such as ``Amount (EUR)``."""
    cells = [row.cells.get(title, "") for title, each in known.items() if each.type == "date" for row in table.rows]
    named = {code for title in known if (match := _BRACKETS.search(title)) and (code := money.currency(match[1]))}
    dates = values.Habits.of(cells).dates
    return values.Habits(dates, named.pop() if len(named) == 1 else None, bare=True)


def _fields(row: Row, known: Known, habits: values.Habits) -> Mapping[str, Field]:
    """The cells as fields of their column's type; what does not read as that stays as it is written, a text."""
    titles = {column.name: title for title, column in known.items()}
    own = money.currency(row.cells.get(titles.get("currency", ""), ""))
    habits = values.Habits(habits.dates, own or habits.currency, habits.bare)
    fields: dict[str, Field] = {}
    for title, column in known.items():
        if cell := row.cells.get(title, "")[: values.LONGEST_TEXT]:
            place = f"row {row.number}, {title}"
            fields[column.name] = values.read(column.type, cell, habits, place) or Field(cell, "text", place)
    return fields


def _add_row(findings: Findings, document: int, kind: TableType, fields: Mapping[str, Field]) -> None:
    name = shortened(" ".join(fields[each].value for each in kind.named_by if each in fields), LONGEST_NAME)
    if not name:
        return
    again, count = name, 1
    while findings.has(kind.row, again):  # two equal purchases on one day are two
        count += 1
        again = f"{name} ({count})"
    row = findings.add(kind.row, again, fields)
    findings.link("part_of", row, document)
    if kind.linked and kind.linked[0] in fields:
        column, type, relation = kind.linked
        findings.link(relation, row, findings.add(type, fields[column].value, {"name": fields[column]}))
    _settle(findings, row, fields)


def _settle(findings: Findings, row: int, fields: Mapping[str, Field]) -> None:
    """A payment whose purpose names an invoice settles it; whose invoice it is, the counterparty says."""
    purpose, payee = fields.get("description"), fields.get("counterparty")
    match = _INVOICE.search(purpose.value) if purpose else None
    if purpose is None or payee is None or match is None:
        return
    number = values.read("identifier", match["number"], values.Habits.of(()), purpose.place)
    if number is not None:
        invoice = findings.add("invoice", f"{payee.value} {number.value}", {"number": number, "issuer": payee})
        findings.link("settles", row, invoice)


def _counts(table: Table, part: Part | None) -> Mapping[str, Field]:
    columns = shortened(", ".join(table.columns), values.LONGEST_TEXT)
    rows = {} if part else {"rows": Field(str(len(table.rows)), "number", "")}
    return {**rows, "columns": Field(columns, "text", "row 1")}


def _account(said: list[Mapping[str, Field]]) -> Field | None:
    """The account of all the rows, if it is one."""
    accounts = {each["account"].value: each["account"] for each in reversed(said) if "account" in each}
    return next(iter(accounts.values())) if len(accounts) == 1 else None


def _span(said: list[Mapping[str, Field]]) -> Mapping[str, Field]:
    """From the earliest to the latest day that the rows tell."""
    days = [each for fields in said for name, each in fields.items() if name == "booked_on" and each.type == "date"]
    if not days:
        return {}
    first, last = min(days, key=lambda day: day.value), max(days, key=lambda day: day.value)
    return {"period_from": first, "period_to": last}
