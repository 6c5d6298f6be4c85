"""Finds what labels announce: ``Due date: 5 May 2026``, ``Total  12.30 EUR``, or the value below its label."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from neotoma.extraction import values
from neotoma.extraction.lines import Line
from neotoma.extraction.shapes import DocumentType, Told
from neotoma.memory.model import Field

MOST_LINES = 3_000  # searched for labels; what a document is about stands on its first pages
LONGEST_LINE = 400
LETTERHEAD_LINES = 3
LONGEST_LETTERHEAD = 60


def told(kind: DocumentType, lines: Sequence[Line], habits: values.Habits) -> Mapping[str, Field]:
    """The fields that the document tells, by name, in the order of its type."""
    lines = lines[:MOST_LINES]
    lowered = [line.text[:LONGEST_LINE].lower() for line in lines]
    found: dict[str, Field] = {}
    for field in kind.told:
        value = next(_told(kind, field, lines, lowered, habits), None)
        if value is None and field.letterhead:
            value = _letterhead(kind, lines, habits)
        if value is not None:
            found[field.name] = value
    return found


def _told(
    kind: DocumentType, field: Told, lines: Sequence[Line], lowered: Sequence[str], habits: values.Habits
) -> Iterator[Field]:
    for label in field.labels:
        for index, text in enumerate(lowered):
            if label not in text:
                continue
            for rest in _after(label, field.type, lines[index].text[:LONGEST_LINE]):
                below = not rest and index + 1 < len(lines) and not kind.heading_expression.fullmatch(text)
                line = lines[index + 1] if below else lines[index]
                # In a picture `£120.00` is easily taken for `4120.00`: only an amount with its currency counts.
                own = values.Habits(habits.dates, None) if line.scanned else habits
                value = values.read(field.type, line.text[:LONGEST_LINE] if below else rest, own, line.place)
                if value is not None and not _is_label(kind, value.value):
                    yield value


def _after(label: str, type: str, text: str) -> Iterator[str]:
    """What follows the label, wherever in the line a column may begin, up to the next column with a label."""
    for match in _expression(label).finditer(text):
        marked = match["mark"] or match["gap"] is None or len(match["gap"]) > 1
        rest = text[match.end() :]
        another = re.match(r"[^0-9:]*:", rest)  # the mark of a longer label, as in `Due dates: ...`
        if marked or (" " in label if type == "text" else not another):
            yield re.split(r"(?: {2,}|; | \| )(?=[^:]{1,30}:)", rest)[0].strip()


@cache
def _expression(label: str) -> re.Pattern[str]:
    edge = "" if label.endswith("#") else r"(?!\w)"
    between = r"(?:\.?[ ]?(?:\([^()]{0,20}\))?[ ]?(?P<mark>[:#=]|\.{3,})[ #]*|\.?(?P<gap>[ ]+)|\.?$)"
    return re.compile(rf"(?:^|(?<=  )|(?<=[|;] )){re.escape(label)}{edge}{between}", re.IGNORECASE)


def _is_label(kind: DocumentType, value: str) -> bool:
    lowered = value.lower()
    return lowered.endswith(":") or any(lowered in field.labels for field in kind.told)


def _letterhead(kind: DocumentType, lines: Sequence[Line], habits: values.Habits) -> Field | None:
    """The first line, unless it says what the document is, or is a label, a date or an amount."""
    for line in lines[:LETTERHEAD_LINES]:
        text = line.text
        if kind.heading_expression.fullmatch(text):
            continue
        if len(text) > LONGEST_LETTERHEAD or re.search(r"[:#@]|[0-9]{2}", text):
            return None
        return values.read("text", text, habits, line.place)
    return None
