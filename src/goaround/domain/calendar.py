"""When production may change: windows, freezes and the days that staging is given, on the service's own wall clock.

An instant is an aware ``datetime``; a zone is any ``tzinfo``, so a change to or from summer time moves instants and
never words: ``Mon-Thu 09:00-16:00`` begins at nine on the clocks of the people, whatever that is in UTC that day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WINDOW = rf"(?P<first>{'|'.join(DAYS)})(?:-(?P<last>{'|'.join(DAYS)}))? (?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)"
LOOK_AHEAD_DAYS = 366


@dataclass(frozen=True, slots=True)
class Window:
    """Some hours of some days of the week. ``end`` at or before ``start`` is on the day after."""

    days: frozenset[int]
    start: time
    end: time
    text: str

    def on(self, day: date, zone: tzinfo) -> tuple[datetime, datetime] | None:
        """Its instants if it begins on that day, in UTC; None if it does not."""
        if day.weekday() not in self.days:
            return None
        last = day if self.end > self.start else day + timedelta(days=1)
        return _instant(day, self.start, zone), _instant(last, self.end, zone)


@dataclass(frozen=True, slots=True)
class Freeze:
    """Days on which nothing goes to production, the last included, and why."""

    first: date
    last: date
    reason: str

    def __str__(self) -> str:
        return f"{self.first} to {self.last}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Closed:
    """Production may not change now: ``why``, and when it may again, None for not within a year."""

    why: str
    opens_at: datetime | None


@dataclass(frozen=True, slots=True)
class Calendar:
    """The hours of one service's production, as configured. ``windows`` are texts for ``parse_window``."""

    timezone: str = "UTC"
    windows: tuple[str, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    days_after_staging: int = 0
    """A gate: production not before so many days after the sign-off of staging."""

    def __bool__(self) -> bool:
        return bool(self.windows or self.freezes or self.days_after_staging)

    def closed(self, now: datetime, staged_at: datetime | None) -> Closed | None:
        """Why production may not change now, None if it may. ``staged_at``: when staging was signed off."""
        zone = ZoneInfo(self.timezone)
        windows = [parse_window(text) for text in self.windows]
        start = not_before(staged_at, self.days_after_staging, zone) if staged_at and self.days_after_staging else now
        if now < start:
            days = f"{self.days_after_staging} day" + ("s" if self.days_after_staging > 1 else "")
            return Closed(f"production comes {days} after staging", opens(start, zone, windows, self.freezes))
        return closed(now, zone, windows, self.freezes)

    def says(self) -> str:
        """What has to be so, for the plan."""
        parts = [f"in a window ({', '.join(self.windows)})"] if self.windows else []
        parts += [f"not {freeze.first} to {freeze.last} ({freeze.reason})" for freeze in self.freezes]
        if self.days_after_staging:
            parts.append(f"not before {self.days_after_staging} d after staging")
        return f"{'; '.join(parts)}; clocks of {self.timezone}"


def parse_window(text: str) -> Window:
    """``Mon-Thu 09:00-16:00``. Raises ``ValueError`` saying how to write it."""
    match = re.fullmatch(WINDOW, text.strip(), re.ASCII)
    try:
        if match is None:
            raise ValueError
        start, end = time.fromisoformat(match["start"]), time.fromisoformat(match["end"])
    except ValueError:
        raise ValueError(
            f'{text!r} is not a window — write it like "Mon-Thu 09:00-16:00" or "Sun 02:00-04:00"'
        ) from None
    first, last = DAYS.index(match["first"]), DAYS.index(match["last"] or match["first"])
    days = frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))
    return Window(days, start, end, text.strip())


def closed(now: datetime, zone: tzinfo, windows: Sequence[Window], freezes: Sequence[Freeze]) -> Closed | None:
    """Why production may not change now; None if it may. Without windows every hour is open."""
    frozen = next((freeze for freeze in freezes if freeze.first <= now.astimezone(zone).date() <= freeze.last), None)
    if frozen is None and (not windows or _within(now, zone, windows)):
        return None
    why = (
        f"production is frozen from {frozen}" if frozen else f"no window is open: {', '.join(w.text for w in windows)}"
    )
    return Closed(why, opens(now, zone, windows, freezes))


def opens(now: datetime, zone: tzinfo, windows: Sequence[Window], freezes: Sequence[Freeze]) -> datetime | None:
    """The first instant from now on at which production may change, in UTC; None if there is none within a year."""
    today = now.astimezone(zone).date()
    for day in (today + timedelta(days=step) for step in range(-1, LOOK_AHEAD_DAYS)):
        for begin, end in sorted(_spans(day, zone, windows)):
            # A freeze is of whole days: a window that reaches over midnight may open when one ends.
            for instant in (max(begin, now.astimezone(UTC)), _instant(day + timedelta(days=1), time(), zone)):
                if begin <= instant < end and instant >= now and not _frozen(instant, zone, freezes):
                    return instant
    return None


def not_before(passed: datetime, days: int, zone: tzinfo) -> datetime:
    """The instant ``days`` days after another by the calendar, at the same time of day, in UTC."""
    local = passed.astimezone(zone)
    return _instant(local.date() + timedelta(days=days), local.time(), zone)


def _within(now: datetime, zone: tzinfo, windows: Iterable[Window]) -> bool:
    today = now.astimezone(zone).date()
    days = (today - timedelta(days=1), today)
    return any(begin <= now < end for day in days for begin, end in _spans(day, zone, tuple(windows)))


def _spans(day: date, zone: tzinfo, windows: Sequence[Window]) -> list[tuple[datetime, datetime]]:
    if not windows:
        return [(_instant(day, time(), zone), _instant(day + timedelta(days=1), time(), zone))]
    return [span for window in windows if (span := window.on(day, zone)) is not None]


def _frozen(instant: datetime, zone: tzinfo, freezes: Iterable[Freeze]) -> bool:
    day = instant.astimezone(zone).date()
    return any(freeze.first <= day <= freeze.last for freeze in freezes)


def _instant(day: date, at: time, zone: tzinfo) -> datetime:
    """That time on the wall, in UTC. One that is skipped is the first instant after the gap; of one that comes twice,
    it is the first."""
    local = datetime.combine(day, at, zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    before, after = (local.replace(fold=fold).utcoffset() for fold in (0, 1))
    assert before is not None
    assert after is not None
    return _end_of_gap(instant - abs(after - before), instant + abs(after - before), zone)


def _end_of_gap(low: datetime, high: datetime, zone: tzinfo) -> datetime:
    """The instant between these two at which the offset changes, to the second."""
    offset = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        middle = middle.replace(microsecond=0)
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
    return high
