"""Dates are read strictly: what can be read in two ways is none."""

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neotoma.extraction.dates import FIRST_YEAR, LAST_YEAR, MONTHS, Habits, find, habits, parse

DATES = st.dates(date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31))
ENGLISH = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
FORMS: dict[str, Callable[[date], str]] = {
    "iso": lambda day: day.isoformat(),
    "slashed iso": lambda day: f"{day.year}/{day.month}/{day.day}",
    "dots": lambda day: f"{day.day:02}.{day.month:02}.{day.year}",
    "short dots": lambda day: f"{day.day}.{day.month}.{day.year}",
    "day month": lambda day: f"{day.day} {ENGLISH[day.month - 1]} {day.year}",
    "ordinal": lambda day: f"{day.day}th of {ENGLISH[day.month - 1]}, {day.year}",
    "month day": lambda day: f"{ENGLISH[day.month - 1]} {day.day}, {day.year}",
    "short month": lambda day: f"{ENGLISH[day.month - 1][:3]}. {day.day} {day.year}",
    "card": lambda day: f"{day.day:02}-{ENGLISH[day.month - 1][:3].upper()}-{day.year}",
    "moment": lambda day: f"{day.isoformat()}T10:30:00Z",
}


@given(DATES, st.sampled_from(sorted(FORMS)))
def test_a_date_written_in_any_form_is_read_back(day: date, form: str) -> None:
    written = FORMS[form](day)
    assert [each.value for each in find(f"due ({written}).")] == [day]
    assert form == "moment" or parse(written) == day


@given(DATES)
def test_a_slashed_date_is_read_only_when_it_can_mean_one_day(day: date) -> None:
    for mark in "/-":
        european, american = (
            f"{day.day}{mark}{day.month}{mark}{day.year}",
            f"{day.month}{mark}{day.day}{mark}{day.year}",
        )
        certain = day.day > 12 or day.day == day.month
        assert parse(european) == (day if certain else None)
        assert parse(american) == (day if certain else None)
        assert parse(european, Habits(slash=True, dash=True)) == day
        assert parse(american, Habits(slash=False, dash=False)) == day


def test_a_document_shows_its_habit_by_a_date_that_is_certain() -> None:
    assert habits(["paid 13/01/2026"]) == Habits(slash=True)
    assert habits(["paid 01/13/2026", "01-02-2026"]) == Habits(slash=False)
    assert habits(["13/01/2026", "01/13/2026"]) == Habits(), "it contradicts itself"
    assert habits(["13/01/2026", "31-12-2026"]) == Habits(slash=True, dash=True)
    assert habits(["01/02/2026", "99/99/2026", "31/02/2026"]) == Habits()


@pytest.mark.parametrize(
    "text",
    [
        "", "5 May", "May 2026", "05.01.26", "2026", "31.02.2026", "2026-13-01", "2026-02-30", "00.01.2026",
        "0000-01-01", "1.2.3.2026", "12.05.2026.7", "5/1/2026/3", "tel 555-01-02-2026", "tomorrow", "next Friday",
        "5 Foo 2026", "2026-01-05-7", "v2026.01.05.1", "٠٥.٠١.٢٠٢٦", "32 January 2026", "1 ıan 2026", "5 ſep 2026",
    ],
)  # fmt: skip
def test_what_is_no_certain_date_is_none(text: str) -> None:
    assert list(find(text)) == []
    assert parse(text) is None


def test_months_are_known_in_several_languages() -> None:
    assert [each.value for each in find("5. März 2026, 5 MÄRZ 2026 and 5 août 2026")] == [
        date(2026, 3, 5), date(2026, 3, 5), date(2026, 8, 5),
    ]  # fmt: skip
    assert set(MONTHS.values()) == set(range(1, 13))


@given(st.text(max_size=300))
def test_any_text_is_searched_without_a_crash(text: str) -> None:
    for each in find(text, habits([text])):
        assert 0 <= each.start < each.end <= len(text)
