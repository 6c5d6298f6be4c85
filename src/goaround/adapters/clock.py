"""The time of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

_BEAT_SECONDS = 0.5


class SystemClock:
    """``ports.Clock``. While it waits, ``on_beat()`` is called at least every second."""

    def __init__(self, on_beat: Callable[[], None] = lambda: None) -> None:
        self._on_beat = on_beat
        self._beat_at = float("-inf")

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Return after so many seconds, whatever happens to the time of day meanwhile."""
        until = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            if now - self._beat_at >= _BEAT_SECONDS:
                self._beat_at = now
                self._on_beat()
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _BEAT_SECONDS))
