"""What the front door logged is what the visitors saw, no line more or less, and nothing about the visitors."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest
from tests.front_door import World, ask, read_all, world
from tests.polling import until

from goaround.adapters.haproxy.log import Log
from goaround.ports import Traffic


@pytest.fixture
def door(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as there:
        yield there


def logged(door: World, requests: int) -> Traffic:
    since = datetime.fromtimestamp(door.started, UTC)

    def found() -> Traffic | None:
        traffic = door.proxy.traffic(since, datetime.now(UTC))
        return traffic if sum(bucket.requests for bucket in traffic.buckets) >= requests else None

    traffic = until(found)
    assert traffic
    return traffic


def visit(address: str, count: int) -> Counter[tuple[str, int]]:
    connection, seen = HTTPConnection(address, timeout=20), Counter[tuple[str, int]]()
    for number in range(count):
        path = ("/documents/7", "/search?q=secret", "/status/500")[number % 3]
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        seen["GET /" + path.split("?")[0].split("/")[1], response.status] += 1
    connection.close()
    return seen


def test_at_saturation_the_log_counts_what_the_clients_counted(door: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        seen = sum((one.result() for one in [pool.submit(visit, door.address, 600) for _ in range(8)]), Counter())
    traffic = logged(door, 4800)
    counted = Counter[str]()
    for bucket in traffic.buckets:
        assert bucket.slot == "blue"
        assert len(bucket.latency_ms) == bucket.requests
        counted[bucket.route] += bucket.requests
    assert counted == Counter({route: n for (route, _), n in seen.items()})
    assert sum(bucket.errors for bucket in traffic.buckets) == seen["GET /status", 500]
    assert "DroppedLogs: 0" in door.admin("show info")


def test_a_cut_answer_is_an_error_and_a_stream_has_no_latency(door: World) -> None:
    assert b"half" in read_all(door.raw(b"GET /cut HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert b"data: blue 1" in read_all(door.raw(b"GET /events/2 HTTP/1.1\r\nHost: a\r\n\r\n"))
    by_route = {bucket.route: bucket for bucket in logged(door, 2).buckets}
    assert by_route["GET /cut"].errors == 1
    assert (by_route["GET /events"].errors, by_route["GET /events"].latency_ms) == (0, ())


def test_neither_query_strings_nor_odd_request_ids_are_logged(door: World) -> None:
    ids = [b"X-Request-Id: ok-1.a_B", b"X-Request-Id: a name@example.org", b"X-Request-Id: " + b"x" * 65, b"X: -"]
    for one in ids:
        read_all(door.raw(b"GET /page?email=secret HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + one + b"\r\n\r\n"))
    logged(door, 4)
    lines = re.findall(r"^ga1 .* (\S+) GET /page$", door.runtime.log(door.proxy.name), re.MULTILINE)
    assert lines[0] == "ok-1.a_B"
    assert all(re.fullmatch(r"[0-9a-f-]{36}", one) for one in lines[1:])
    assert len(set(lines)) == 4
    assert "secret" not in door.runtime.log(door.proxy.name, 10_000)


def test_the_proxy_dying_is_a_gap(door: World) -> None:
    since = datetime.now(UTC)
    beats = re.compile(r"beat/\d+/0")

    def next_beat() -> None:
        before = len(beats.findall(door.runtime.log(door.proxy.name, 10_000)))
        until(lambda: len(beats.findall(door.runtime.log(door.proxy.name, 10_000))) > before + 1)

    next_beat()
    assert door.proxy.traffic(datetime.now(UTC) - timedelta(seconds=0.1), datetime.now(UTC)).gaps == ()
    died = datetime.now(UTC)
    door.kill_proxy()
    next_beat()
    (gap,) = [gap for gap in door.proxy.traffic(since, datetime.now(UTC)).gaps if gap[1] > died]
    assert gap[0] <= died <= gap[1]


def test_lines_that_nobody_takes_are_a_gap_and_never_stop_the_traffic(door: World, tmp_path: Path) -> None:
    door.runtime.stop(door.proxy.name)
    reader, writer = os.pipe()
    argv = ("haproxy", "-db", "-f", "haproxy.cfg")
    env = {"PATH": "/usr/sbin:/usr/local/sbin:" + os.environ["PATH"]}
    process = subprocess.Popen(argv, cwd=door.folder / "front-door", env=env, stdout=writer, stderr=subprocess.DEVNULL)
    os.close(writer)
    try:
        until(lambda: door.proxy.state().running)
        since = datetime.now(UTC)
        ask(door.address, "/.goaround/heartbeat")
        assert visit(door.address, 1500).total() == 1500
        text = os.read(reader, 1 << 20)
        ask(door.address, "/.goaround/heartbeat")
        text += os.read(reader, 1 << 20)
    finally:
        process.kill()
        process.wait()
        os.close(reader)
    path = tmp_path / "partial.log"
    path.write_bytes(text)
    traffic = Log(path).traffic(since, datetime.now(UTC))
    assert sum(bucket.requests for bucket in traffic.buckets) < 1500
    assert max(end - start for start, end in traffic.gaps) > timedelta(seconds=0.1)
