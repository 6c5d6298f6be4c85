"""A front door that nobody walks through but the test."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from goaround.domain.errors import Unavailable
from goaround.ports import SLOTS, Bucket, FrontDoor, Slot, Traffic


class FakeProxy:
    """``ports.Proxy``. Failure switches: ``broken`` (cannot be started), ``dead`` (runs no more until ``ensure``),
    ``up[slot]`` (its health), ``in_flight[slot]``, ``gaps`` (spans to report).

    ``record`` puts traffic into its log; ``visit`` asks it as a visitor would; ``told`` lists what it was told.
    """

    def __init__(self) -> None:
        self.broken = self.dead = False
        self.up: dict[Slot, bool] = dict.fromkeys(SLOTS, True)
        self.in_flight: dict[Slot, int] = dict.fromkeys(SLOTS, 0)
        self.buckets: list[Bucket] = []
        self.gaps: list[tuple[datetime, datetime]] = []
        self.told: list[str] = []
        self._running = False
        self._serving: Slot | None = None
        self._holding = False

    def ensure(self) -> FrontDoor:
        if self.broken:
            raise Unavailable("127.0.0.1:80 is taken", state="it was not started", remedy="free it and try again")
        self._running, self.dead = True, False
        return self.state()

    def state(self) -> FrontDoor:
        running = self._running and not self.dead
        up = {slot: running and self.up[slot] for slot in SLOTS}
        return FrontDoor(running, self._serving, self._holding, up, dict(self.in_flight))

    def serve(self, slot: Slot | None) -> None:
        self._must_run()
        if slot is not None and not self.up[slot]:
            raise Unavailable(f"{slot} is not up", state="nothing was changed", remedy="look at its log")
        self._serving = slot
        self.told.append(f"serve {slot}")

    def hold(self, on: bool) -> None:
        self._must_run()
        self._holding = on
        self.told.append(f"hold {on}")

    def traffic(self, since: datetime, until: datetime) -> Traffic:
        inside = sorted((b for b in self.buckets if since <= b.at < until), key=lambda bucket: bucket.at)
        gaps = [(max(a, since), min(b, until)) for a, b in self.gaps if a < until and b > since]
        return Traffic(tuple(inside), tuple(gaps))

    def visit(self) -> Slot | Literal["maintenance", "held", "nobody"]:
        """Who would answer a visitor now."""
        if not self.state().running:
            return "nobody"
        if self._holding:
            return "held"
        return self._serving or "maintenance"

    def record(self, at: datetime, slot: Slot | None, requests: int = 1, errors: int = 0, latency_ms: int = 10) -> None:
        """Requests that ended in that second."""
        second = at - timedelta(microseconds=at.microsecond)
        self.buckets.append(Bucket(second, slot, requests, errors, 0, 0, (latency_ms,) * requests, "GET /"))

    def _must_run(self) -> None:
        if not self.state().running:
            raise Unavailable("the front door does not answer", state="nothing was changed", remedy="try again")
