"""While the schema changes, visitors wait at the front door; then the version that suits it answers them all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.front_door import Reply, World, read_all, world
from tests.polling import until

from goaround.ports import Traffic

CLOSE = b"Host: a\r\nConnection: close\r\n"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as there:
        yield there


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, hold_limit_seconds=0.5) as there:
        yield there


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as there:
        yield there


def logged(door: World, requests: int) -> Traffic:
    """The traffic of this test, once so many requests are in the log."""
    since = datetime.fromtimestamp(door.started, UTC)

    def found() -> Traffic | None:
        traffic = door.proxy.traffic(since, datetime.now(UTC))
        return traffic if sum(bucket.requests for bucket in traffic.buckets) >= requests else None

    traffic = until(found)
    assert traffic
    return traffic


def test_held_requests_are_all_answered_by_the_slot_that_serves_at_the_release(
    door: World, pool: ThreadPoolExecutor
) -> None:
    door.proxy.hold(True)
    held: list[Future[Reply]] = [pool.submit(door.ask, "/page", "POST", b"x" * 3_000_000) for _ in range(10)]
    held += [pool.submit(door.ask, "/page") for _ in range(10)]
    until(lambda: door.connections() == 20)
    door.proxy.serve("green")
    assert door.seen("green") == []
    door.proxy.hold(False)
    assert {(h.result().status, h.result().version) for h in held} == {(200, "green")}
    assert sorted(door.seen("green")) == ["GET /page 0"] * 10 + ["POST /page 3000000"] * 10
    assert door.seen("blue") == []
    buckets = logged(door, 20).buckets
    assert sum(bucket.held for bucket in buckets) == 20
    assert sum(bucket.errors + bucket.held_too_long for bucket in buckets) == 0


def test_what_is_in_flight_finishes_while_others_wait(door: World, pool: ThreadPoolExecutor) -> None:
    under_way = pool.submit(door.ask, "/slow/300")
    until(lambda: door.proxy.state().in_flight["blue"] == 1)
    door.proxy.hold(True)
    held = pool.submit(door.ask, "/page")
    assert under_way.result().version == "blue"
    until(lambda: door.proxy.state().in_flight["blue"] == 0)
    assert door.proxy.state().holding
    assert not held.done()
    door.proxy.hold(False)
    assert held.result().version == "blue"


def test_beyond_the_limit_a_visitor_is_told_to_come_back(impatient: World, pool: ThreadPoolExecutor) -> None:
    impatient.proxy.hold(True)
    started = time.monotonic()
    late = [pool.submit(impatient.ask, "/page", "POST", b"x" * 3_000_000), pool.submit(impatient.ask, "/page")]
    assert {(one.result().status, one.result().headers["retry-after"]) for one in late} == {(503, "5")}
    assert 0.5 <= time.monotonic() - started < 2
    assert impatient.seen("blue") == []
    buckets = logged(impatient, 2).buckets
    assert sum(bucket.held_too_long for bucket in buckets) == sum(bucket.errors for bucket in buckets) == 2
    assert sum(bucket.held for bucket in buckets) == 0


def test_a_client_that_waits_for_100_continue_is_held_and_served(door: World) -> None:
    door.proxy.hold(True)
    upload = door.raw(b"POST /page HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n" + CLOSE + b"\r\n")
    until(lambda: door.connections() == 1)
    door.proxy.hold(False)
    assert upload.recv(1000).startswith(b"HTTP/1.1 100")
    upload.sendall(b"hello")
    assert read_all(upload).endswith(b"blue 5")


def test_a_client_that_goes_away_frees_its_place_and_reaches_nobody(door: World) -> None:
    door.proxy.hold(True)
    waiting = [door.raw(b"GET /page HTTP/1.1\r\n" + CLOSE + b"\r\n") for _ in range(10)]
    until(lambda: door.connections() == 10)
    for connection in waiting:
        connection.close()
    until(lambda: door.connections() == 0)
    door.proxy.hold(False)
    door.ask("/last")
    assert door.seen("blue") == ["GET /last 0"]
    assert sum(bucket.errors + bucket.held_too_long for bucket in logged(door, 11).buckets) == 0


def test_two_thousand_wait_and_are_served(door: World) -> None:
    door.proxy.hold(True)
    waiting = [door.raw(b"GET /page HTTP/1.1\r\n" + CLOSE + b"\r\n") for _ in range(2000)]
    until(lambda: door.connections() == 2000)
    door.proxy.hold(False)
    answers = [read_all(connection) for connection in waiting]
    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 200"}


def test_the_door_opens_at_once(door: World, pool: ThreadPoolExecutor) -> None:
    def answered() -> float:
        assert door.ask("/page").status == 200
        return time.monotonic()

    delays = []
    for _ in range(5):
        door.proxy.hold(True)
        held = pool.submit(answered)
        until(lambda: door.connections() == 1)
        started = time.monotonic()
        door.proxy.hold(False)
        delays.append(held.result() - started)
    assert min(delays) < 0.15, delays
