"""A journal in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Discriminator, TypeAdapter

from goaround.domain.bundle import GENESIS, Line, chained
from goaround.domain.errors import JournalUnreadable, Stale, Unavailable
from goaround.domain.events import Event, Record

_EVENT: TypeAdapter[Any] = TypeAdapter(Annotated[Event, Discriminator("type")], config=ConfigDict(extra="forbid"))


class FakeJournal:
    """``ports.Journal``. Events go through JSON as on a disk. ``full`` is a disk without room; ``damaged`` names the
    first event that was altered; ``before_append`` is called before each write and may write itself: somebody else."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._records: list[Record] = []
        self._lines: list[Line] = []
        self._output: dict[tuple[str, int], tuple[int, str, str]] = {}
        self.full = False
        self.damaged = 0
        self.before_append: Callable[[Event], None] = lambda _event: None

    @property
    def types(self) -> list[str]:
        """What happened, as ``started staging/build``, for tests that look at the order of things."""
        return [f"{r.event.type} {getattr(r.event, 'step', '').partition('/')[2]}".strip() for r in self._records]

    def append(self, release: str, event: Event, after: int | None = None) -> Record:
        self.before_append(event)
        if self.full:
            raise Unavailable("the disk is full", state="the event was not written", remedy="make room")
        last = self._records[-1] if self._records else None
        if after is not None and after != len(self._records):
            raise Stale("somebody else wrote", state="nothing was written", remedy="look and try again")
        at = max(self._now().astimezone(UTC), last.at) if last else self._now().astimezone(UTC)
        body = _EVENT.dump_json(event).decode()
        line = (last.digest if last else GENESIS, len(self._records) + 1, at.isoformat(), release, body)
        self._lines.append(line)
        linked = chained(line)
        self._records.append(
            Record(len(self._records) + 1, at, release, _EVENT.validate_python(json.loads(body)), linked)
        )
        return self._records[-1]

    def read(self, since: int = 0) -> Sequence[Record]:
        return self._records[since:]

    def lines(self) -> Sequence[Line]:
        return self._lines

    def write_output(self, key: str, offset: int, text: str) -> None:
        self._output.setdefault((key, offset), (len(self._output) + 1, key, text))

    def output(self, prefix: str, since: int = 0) -> Sequence[tuple[int, str, str]]:
        return [line for line in self._output.values() if line[1].startswith(prefix) and line[0] > since]

    def verify(self) -> int:
        if self.damaged:
            raise JournalUnreadable(f"event {self.damaged} was altered", state="nothing was done", remedy="restore it")
        return len(self._records)
