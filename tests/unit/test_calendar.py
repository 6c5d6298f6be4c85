"""Windows and freezes are kept on the wall clock of the service, over every change of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goaround.domain.calendar import Freeze, closed, not_before, opens, parse_window

MADRID = ZoneInfo("Europe/Madrid")
OFFICE = [parse_window("Mon-Thu 09:00-16:00")]
HOLIDAYS = Freeze(date(2026, 12, 21), date(2027, 1, 3), "holidays")


def at(text: str, zone: tzinfo = MADRID) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    "text", ["", "Mon", "Mon 9:00-10:00", "mon 09:00-10:00", "Mon-Tue-Wed 09:00-10:00", "Mon 24:01-25:00", "Mon 09:00"]
)
def test_what_is_no_window_is_refused_with_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        parse_window(text)


def test_days_may_go_round_the_end_of_the_week() -> None:
    assert parse_window("Sat-Mon 00:00-06:00").days == {5, 6, 0}
    assert parse_window("Wed 00:00-06:00").days == {2}


@pytest.mark.parametrize(
    ("now", "open_"),
    [
        ("2026-11-23T08:59:59", False),
        ("2026-11-23T09:00:00", True),
        ("2026-11-26T15:59:59", True),
        ("2026-11-26T16:00:00", False),
        ("2026-11-27T10:00:00", False),  # a Friday
        ("2026-07-20T09:00:00", True),  # summer time: another instant, the same word
    ],
)
def test_a_window_is_open_from_its_start_until_before_its_end(now: str, open_: bool) -> None:
    assert (closed(at(now), MADRID, OFFICE, []) is None) is open_


def test_no_windows_mean_every_hour() -> None:
    assert closed(at("2026-11-28T03:00:00"), MADRID, [], []) is None


def test_a_closed_window_says_which_and_when_it_opens() -> None:
    found = closed(at("2026-11-27T10:00:00"), MADRID, OFFICE, [])
    assert found is not None
    assert found.why == "no window is open: Mon-Thu 09:00-16:00"
    assert found.opens_at == at("2026-11-30T09:00:00")


def test_a_freeze_shuts_every_window_and_gives_its_reason() -> None:
    found = closed(at("2026-12-22T10:00:00"), MADRID, OFFICE, [HOLIDAYS])
    assert found is not None
    assert found.why == "production is frozen from 2026-12-21 to 2027-01-03: holidays"
    assert found.opens_at == at("2027-01-04T09:00:00")


def test_a_freeze_without_windows_ends_at_midnight() -> None:
    found = closed(at("2027-01-03T23:00:00"), MADRID, [], [HOLIDAYS])
    assert found is not None
    assert found.opens_at == at("2027-01-04T00:00:00")


def test_a_window_over_midnight_opens_when_a_freeze_ends_in_the_middle_of_it() -> None:
    night = [parse_window("Sun 22:00-04:00")]
    assert opens(at("2027-01-03T22:30:00"), MADRID, night, [HOLIDAYS]) == at("2027-01-04T00:00:00")
    assert closed(at("2027-01-04T03:59:00"), MADRID, night, [HOLIDAYS]) is None


def test_a_freeze_for_ever_never_opens() -> None:
    for_ever = Freeze(date(2020, 1, 1), date(2999, 1, 1), "sold")
    found = closed(at("2026-12-22T10:00:00"), MADRID, OFFICE, [for_ever])
    assert found is not None
    assert found.opens_at is None


def test_a_start_that_the_clocks_skip_is_the_first_instant_after_the_gap() -> None:
    skipped = [parse_window("Sun 02:30-05:00")]
    before = at("2026-03-29T01:59:59")
    assert opens(before, MADRID, skipped, []) == at("2026-03-29T03:00:00") == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_an_hour_that_comes_twice_is_open_both_times() -> None:
    twice = [parse_window("Sun 02:00-03:00")]
    start = datetime(2026, 10, 25, 0, tzinfo=UTC)  # 02:00 summer time
    found = [closed(start + timedelta(minutes=30 * half), MADRID, twice, []) is None for half in range(-1, 5)]
    assert found == [False, True, True, True, True, False]


def test_a_day_after_a_day_is_the_same_time_on_the_wall() -> None:
    assert not_before(at("2026-10-23T18:00:00"), 3, MADRID) == at("2026-10-26T18:00:00")
    assert not_before(at("2026-10-23T18:00:00"), 3, MADRID) - at("2026-10-23T18:00:00").astimezone(UTC) == timedelta(
        days=3, hours=1
    )


ZONES = st.sampled_from(["UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
CALENDARS = st.lists(st.sampled_from(["Mon-Thu 09:00-16:00", "Sun 02:30-02:00", "Fri-Tue 22:15-03:45"]), max_size=2)


@settings(deadline=None)
@given(ZONES, INSTANTS, CALENDARS, st.booleans())
def test_when_it_says_it_opens_it_is_open_and_not_before(name: str, now: datetime, texts: list[str], ice: bool) -> None:
    zone, windows = ZoneInfo(name), [parse_window(text) for text in texts]
    freezes = [HOLIDAYS] if ice else []
    found = opens(now, zone, windows, freezes)
    assert found is not None
    assert closed(found, zone, windows, freezes) is None
    if closed(now, zone, windows, freezes) is None:
        assert found == now
    else:
        steps = int((found - now) / timedelta(minutes=7))
        assert all(closed(now + timedelta(minutes=7 * k), zone, windows, freezes) for k in range(steps))
