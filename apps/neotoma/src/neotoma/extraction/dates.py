"""Dates as people write them, read strictly: what can be read in two ways is not a date.

No library, for those guess from today's clock and the locale. Years have four digits. ``05/01/2026`` counts only
when one part is above 12, or when the same document shows its habit: another date of that form that is unambiguous.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jänner janvier enero gennaio",
            "february feb februar février febrero febbraio",
            "march mar märz mrz mars marzo",
            "april apr avril abril aprile",
            "may mai mayo maggio",
            "june jun juni juin junio giugno",
            "july jul juli juillet julio luglio",
            "august aug août agosto",
            "september sep sept septembre septiembre settembre",
            "october oct oktober okt octobre octubre ottobre",
            "november nov novembre noviembre",
            "december dec dezember dez décembre diciembre dicembre",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(MONTHS, key=lambda name: (-len(name), name)))
_DATE = re.compile(
    rf"""(?<![\w./-])(?:
    (?P<y1>[0-9]{{4}})(?P<s1>[-/.])(?P<m1>[0-9]{{1,2}})(?P=s1)(?P<d1>[0-9]{{1,2}})
        (?=T[0-9]{{2}}:|(?![\w/-])(?!\.[0-9]))
    | (?P<a>[0-9]{{1,2}})(?P<s2>[./-])(?P<b>[0-9]{{1,2}})(?P=s2)(?P<y2>[0-9]{{4}})(?![\w/-])(?!\.[0-9])
    | (?P<d3>[0-9]{{1,2}})(?:st|nd|rd|th|\.)?(?:[ ]of)?(?:[ ]|-)?(?P<m3>{_MONTH})\.?(?:,?[ ]|-)?
        (?P<y3>[0-9]{{4}})(?![\w/-])
    | (?P<m4>{_MONTH})\.?[ ](?P<d4>[0-9]{{1,2}})(?:st|nd|rd|th)?,?[ ](?P<y4>[0-9]{{4}})(?![\w/-])
    )""",
    re.IGNORECASE | re.VERBOSE,
)
FIRST_YEAR, LAST_YEAR = 1000, 2999


@dataclass(frozen=True)
class Habits:
    """Whether the day comes first in ``05/01/2026`` and in ``05-01-2026``; None where the document does not say."""

    slash: bool | None = None
    dash: bool | None = None


@dataclass(frozen=True)
class Written:
    """A date and where it stands in its text."""

    start: int
    end: int
    value: date


def habits(texts: Iterator[str] | list[str]) -> Habits:
    """The habits that unambiguous dates in these texts show; none where they contradict each other."""
    seen: dict[str, set[bool]] = {"/": set(), "-": set()}
    for text in texts:
        for match in _DATE.finditer(text):
            if match["s2"] in seen:
                first, second = int(match["a"]), int(match["b"])
                if (first > 12) != (second > 12) and _made(match["y2"], min(first, second), max(first, second)):
                    seen[match["s2"]].add(first > 12)
    slash, dash = (marks.pop() if len(marks) == 1 else None for marks in seen.values())
    return Habits(slash, dash)


def find(text: str, habit: Habits = Habits()) -> Iterator[Written]:
    """The dates in a text, in their order."""
    for match in _DATE.finditer(text):
        value = _value(match, habit)
        if value is not None:
            yield Written(match.start(), match.end(), value)


def parse(text: str, habit: Habits = Habits()) -> date | None:
    """The date that the whole text is, or None."""
    match = _DATE.fullmatch(text.strip())
    return _value(match, habit) if match else None


def looks_like_one(text: str) -> bool:
    """Whether the whole text has the form of a date, though it may be none, or not be certain."""
    return _DATE.fullmatch(text.strip()) is not None


def _value(match: re.Match[str], habit: Habits) -> date | None:
    if match["y1"]:
        return _made(match["y1"], match["m1"], match["d1"])
    if match["y3"]:
        return _made(match["y3"], MONTHS.get(match["m3"].lower(), 0), match["d3"])
    if match["y4"]:
        return _made(match["y4"], MONTHS.get(match["m4"].lower(), 0), match["d4"])
    return _numeric(match, habit)


def _numeric(match: re.Match[str], habit: Habits) -> date | None:
    first, second = int(match["a"]), int(match["b"])
    day_first = {".": True, "/": habit.slash, "-": habit.dash}[match["s2"]]
    if match["s2"] != "." and (first > 12 or first == second):
        day_first = True
    elif match["s2"] != "." and second > 12:
        day_first = False
    if day_first is None:
        return None
    day, month = (first, second) if day_first else (second, first)
    return _made(match["y2"], month, day)


def _made(year: str | int, month: str | int, day: str | int) -> date | None:
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
