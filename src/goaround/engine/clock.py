"""A clock that heeds people: whoever waits by it, in whatever adapter, is told of an abort or a time-out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from goaround.ports import Clock

ATTEND_SECONDS = 0.5


class AttentiveClock:
    """``ports.Clock``. While a step is attended, waiting calls its attention twice a second, which may raise."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._attend: Callable[[], None] | None = None
        self._attended_at = 0.0

    def now(self) -> datetime:
        return self._clock.now()

    def wait(self, seconds: float) -> None:
        now = self._clock.now().timestamp()
        # abs: a clock that was set back must not make it deaf.
        if self._attend is not None and abs(now - self._attended_at) >= ATTEND_SECONDS:
            self._attended_at = now
            self._attend()
        self._clock.wait(seconds)

    @contextmanager
    def attending(self, attend: Callable[[], None]) -> Iterator[None]:
        self._attend, self._attended_at = attend, 0.0
        try:
            yield
        finally:
            self._attend = None
