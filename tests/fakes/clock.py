"""A clock whose waiting costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """``ports.Clock``: ``wait`` moves the time on at once. ``waits`` holds every wait; ``on_wait`` follows each."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self.waits: list[float] = []
        self.on_wait: Callable[[float], None] = lambda _seconds: None

    def now(self) -> datetime:
        return self._now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._now += timedelta(seconds=max(0.0, seconds))
        self.on_wait(seconds)

    def set_back(self, seconds: float) -> None:
        """What an administrator or NTP does to a clock."""
        self._now -= timedelta(seconds=seconds)
