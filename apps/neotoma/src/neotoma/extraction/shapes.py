"""What a type of document looks like, as plain data; one file for each in ``types/``, see there how to add one."""

import re
from dataclasses import dataclass
from functools import cached_property

PARTY = "party"
"""An entity of which only its name says whether it is a person or an organisation."""


@dataclass(frozen=True)
class Told:
    """A field that a label announces: ``Due date: 5 May 2026``, or the value on the line below its label.

    ``type`` is a field type, or ``identifier`` for a text with a digit and no space, or ``iban``. Labels are in
    lower case, the surest first. With ``entity`` and ``link`` the value also names an entity of that type, to which the
    document has that relation; ``party`` decides between person and organisation by the name. ``letterhead``
    takes the first line of the document when no label is found. ``named`` makes the entity's name of several fields.
    """

    name: str
    type: str
    labels: tuple[str, ...]
    entity: str = ""
    link: str = ""
    letterhead: bool = False
    named: tuple[str, ...] = ()


@dataclass(frozen=True)
class DocumentType:
    """A type is recognised when two different patterns match; the type with most matches wins.

    ``heading`` matches a line that says only what the document is, so it is no title or letterhead. ``named_by``
    are fields that together name the document without ambiguity.
    """

    name: str
    heading: str
    patterns: tuple[str, ...]
    told: tuple[Told, ...]
    named_by: tuple[str, ...] = ()

    @cached_property
    def expressions(self) -> tuple[re.Pattern[str], ...]:
        """The patterns, ready to search a text whose lines are divided by newlines."""
        return tuple(re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in self.patterns)

    @cached_property
    def heading_expression(self) -> re.Pattern[str]:
        """Matches a whole line."""
        return re.compile(self.heading, re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """A column of a table by the names that it goes by, in lower case. ``telling`` ones count as patterns."""

    name: str
    type: str
    titles: tuple[str, ...]
    telling: bool = True


@dataclass(frozen=True)
class TableType:
    """A table whose rows are entities, each part of the table. Recognised by two of its telling columns or more.

    Of each group in ``needs`` one column must be there. ``named_by`` are the columns that together name a row.
    ``linked`` is a column whose cells name another entity: the column, the entity's type and the relation to it.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    needs: tuple[tuple[str, ...], ...]
    named_by: tuple[str, ...]
    linked: tuple[str, str, str] | None = None
