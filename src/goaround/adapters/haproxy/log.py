"""Reads what HAProxy logged, line by line, into ``Traffic``.

A line is ``ga1 <ms> <slot> <status> <TR>/<Tw>/<Tc>/<Tr>/<Ta> <bytes in> <bytes out> <end> <held ms> <kind> <id>
<method> <path>``, written when the request ends, at most 2 KB long, so a pipe takes it whole or not at all. ``kind`` is
``stream`` (text/event-stream), ``late`` (held beyond the limit), ``gone`` (its client left while it was held),
``beat/<pid>/<lines dropped>`` or ``-``.

- *error*: status 5xx; or the server side cut it (end ``S…``); or the client gave up (``C…``) after the server had let
  it wait for the first byte of an answer for 30 seconds: that is a client's time-out, not its whim.
- *latency*: the total time less the time held at the door, which says nothing of the version.
- *route*: method and first segment of the path. Only what a slot answered other than 4xx makes a route known, at
  most 64 of them; everything else is ``other``.
- *gap*: no heartbeat for 3 seconds; or the process changed, whose last requests nobody logged; or it counted lines
  that it could not write; or its supervisor says so of lines that the disk had no room for.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from goaround.adapters.haproxy.tail import Tail
from goaround.ports import SLOTS, Bucket, Slot, Traffic

GAP_MS = 3000
LOOK_BACK_MS = 10_000
MAX_ROUTES = 64
PATIENCE_MS = 30_000
OTHER = "other"
_SLOT_OF: dict[bytes, Slot] = {slot.encode(): slot for slot in SLOTS}
_METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"))
_ERROR, _HELD, _LATE = 1, 2, 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Request:
    """One line about a visitor's request. ``latency_ms`` -1: an event stream or upgrade, which has none."""

    ended_ms: int
    slot: Slot | None
    route: str
    genuine: bool
    """The route exists: a slot answered it, and not with 4xx."""
    flags: int
    latency_ms: int


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat."""

    at_ms: int
    pid: int
    dropped: int


def parse(line: bytes) -> Request | Beat | None:
    """None for anything that is no line of this log: notices of HAProxy, or a torn line."""
    fields = line.split(b" ", 12)
    try:
        mark, at, server, status, timers, _in, _out, end, held, kind, _id, method, path = fields
        if mark != b"ga1":
            return None
        if kind.startswith(b"beat/"):
            _, pid, dropped = kind.split(b"/")
            return Beat(int(at), int(pid), int(dropped))
        waited = 0 if held == b"-" else int(held)
        first_byte, total = timers.split(b"/")[3:]
        code, slot, spent = int(status), _SLOT_OF.get(server), int(total) - waited
        flags = _flags(code, end, int(first_byte), spent, waited, kind)
        genuine = slot is not None and not 400 <= code < 500
        latency = -1 if kind == b"stream" or code == 101 else max(0, spent)
        return Request(int(at), slot, _route(method, path), genuine, flags, latency)
    except ValueError:
        return None


def _flags(status: int, end: bytes, first_byte_ms: int, spent_ms: int, held_ms: int, kind: bytes) -> int:
    gave_up = end[:1] in b"Cc" and first_byte_ms < 0 and spent_ms >= PATIENCE_MS
    if kind == b"gone":
        return 0
    error = status >= 500 or end[:1] in b"SsIRK" or gave_up
    late = kind == b"late"
    return _ERROR * error | _HELD * (held_ms > 0 and status > 0 and not late) | _LATE * late


def _route(method: bytes, path: bytes) -> str:
    if method not in _METHODS or not path.startswith(b"/"):
        return OTHER
    return f"{method.decode()} /{path.rstrip().split(b'/', 2)[1][:40].decode('ascii', 'replace')}"


@dataclass(slots=True)
class _Tally:
    """Requests of one second, slot and route, seven bytes each."""

    offset: array[int] = field(default_factory=lambda: array("H"))
    latency: array[int] = field(default_factory=lambda: array("i"))
    flags: bytearray = field(default_factory=bytearray)

    def add(self, request: Request) -> None:
        self.offset.append(request.ended_ms % 1000)
        self.latency.append(request.latency_ms)
        self.flags.append(request.flags)

    def bucket(self, second: int, slot: Slot | None, route: str, since_ms: int, until_ms: int) -> Bucket | None:
        start = second * 1000
        inside = [i for i, offset in enumerate(self.offset) if since_ms <= start + offset < until_ms]
        if not inside:
            return None
        flags = [self.flags[i] for i in inside]
        return Bucket(
            at=_at(start),
            slot=slot,
            requests=len(inside),
            errors=sum(1 for flag in flags if flag & _ERROR),
            held=sum(1 for flag in flags if flag & _HELD),
            held_too_long=sum(1 for flag in flags if flag & _LATE),
            latency_ms=tuple(self.latency[i] for i in inside if self.latency[i] >= 0),
            route=route,
        )


class Log:
    """The log of one front door. What was read is kept, so asking again reads only what is new."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start_over(sys.maxsize)

    def traffic(self, since: datetime, until: datetime) -> Traffic:
        """Requests that ended in ``[since, until)``, and the gaps in that span."""
        since_ms, until_ms = _ms(since), _ms(until)
        if not self._from_ms <= since_ms - LOOK_BACK_MS:
            self._start_over(since_ms - LOOK_BACK_MS)
        self._take_in()
        return Traffic(tuple(self._buckets(since_ms, until_ms)), tuple(self._gaps(since_ms, until_ms)))

    def _start_over(self, from_ms: int) -> None:
        self._from_ms = from_ms
        self._tail = Tail(self._path, from_ms)
        self._seconds: dict[int, dict[tuple[Slot | None, str], _Tally]] = {}
        self._routes: set[str] = set()
        self._beats: list[Beat] = []
        self._losses = 0

    def _take_in(self) -> None:
        for line in self._tail.lines():
            match parse(line):
                case Beat() as beat:
                    self._beats.append(replace(beat, dropped=beat.dropped + self._losses))
                case Request() as request:
                    second = self._seconds.setdefault(request.ended_ms // 1000, {})
                    second.setdefault((request.slot, self._route(request)), _Tally()).add(request)
                case None if line.startswith(b"goaround: ") and line.endswith(b" were lost\n"):
                    self._losses += 1
        self._beats.sort(key=lambda beat: beat.at_ms)

    def _route(self, request: Request) -> str:
        if request.genuine and len(self._routes) < MAX_ROUTES:
            self._routes.add(request.route)
        return request.route if request.route in self._routes else OTHER

    def _buckets(self, since_ms: int, until_ms: int) -> Iterator[Bucket]:
        for second in sorted(s for s in self._seconds if since_ms // 1000 <= s <= until_ms // 1000):
            for (slot, route), tally in sorted(self._seconds[second].items(), key=lambda item: str(item[0])):
                if bucket := tally.bucket(second, slot, route, since_ms, until_ms):
                    yield bucket

    def _gaps(self, since_ms: int, until_ms: int) -> list[tuple[datetime, datetime]]:
        first = max(0, bisect_right(self._beats, since_ms, key=lambda beat: beat.at_ms) - 1)
        last = bisect_left(self._beats, until_ms, key=lambda beat: beat.at_ms)
        spans: list[tuple[int, int]] = []
        for start, end in _unproven(self._beats[first : last + 1], since_ms, until_ms):
            start, end = max(start, since_ms), min(end, until_ms)
            if spans and spans[-1][1] == start:
                spans[-1] = (spans[-1][0], end)
            elif start < end:
                spans.append((start, end))
        return [(_at(start), _at(end)) for start, end in spans]


def _unproven(beats: Sequence[Beat], since_ms: int, until_ms: int) -> Iterator[tuple[int, int]]:
    """The spans between heartbeats, or without any, that nothing proves complete."""
    if not beats:
        yield since_ms, until_ms
        return
    if beats[0].at_ms > since_ms:
        yield since_ms, beats[0].at_ms
    for one, other in pairwise(beats):
        whole = other.at_ms - one.at_ms < GAP_MS and one.pid == other.pid and one.dropped == other.dropped
        if not whole:
            yield one.at_ms, other.at_ms
    if until_ms - beats[-1].at_ms >= GAP_MS:
        yield beats[-1].at_ms, until_ms


def _ms(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(milliseconds=1)


def _at(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)
