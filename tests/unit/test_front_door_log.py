"""What the lines of the front door's log come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from goaround.adapters.haproxy.log import MAX_ROUTES, OTHER, Log
from goaround.adapters.haproxy.tail import Tail
from goaround.ports import Bucket, Traffic

START = datetime(2026, 1, 1, tzinfo=UTC)
START_MS = round(START.timestamp() * 1000)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def line(
    seconds: float,
    *,
    slot: str = "blue",
    status: int = 200,
    first_byte: int = 5,
    total: int = 7,
    end: str = "----",
    held: str = "-",
    kind: str = "-",
    request: str = "GET /documents/1",
) -> str:
    ms = START_MS + round(seconds * 1000)
    return f"ga1 {ms} {slot} {status} 0/0/0/{first_byte}/{total} 80 90 {end} {held} {kind} id-1 {request}\n"


def beat(seconds: float, pid: int = 7, dropped: int = 0) -> str:
    return line(seconds, slot="<NOSRV>", status=204, end="LR--", kind=f"beat/{pid}/{dropped}", request="GET /x")


def beats(start: int, end: int) -> str:
    return "".join(beat(second) for second in range(start, end + 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "front-door.log"


def traffic(path: Path, text: str, since: float = 0, until: float = 10) -> Traffic:
    path.write_text(text)
    return Log(path).traffic(at(since), at(until))


def one(path: Path, text: str) -> Bucket:
    (bucket,) = traffic(path, text).buckets
    return bucket


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        (line(1), 0),
        (line(1, status=404), 0),
        (line(1, status=500), 1),
        (line(1, status=503, slot="<NOSRV>"), 1),
        (line(1, status=200, end="SD--"), 1),
        (line(1, status=504, end="sH--", first_byte=-1), 1),
        (line(1, status=200, end="CD--"), 0),
        (line(1, status=-1, end="CH--", first_byte=-1, total=2_000), 0),
        (line(1, status=-1, end="CH--", first_byte=-1, total=30_000), 1),
        (line(1, status=-1, end="CH--", first_byte=-1, total=30_000, held="9000"), 0),
        (line(1, status=200, end="cD--", first_byte=5, total=60_000), 0),
    ],
)
def test_errors_are_what_the_server_side_did_and_never_a_whim_of_the_client(path: Path, text: str, errors: int) -> None:
    assert one(path, text).errors == errors


def test_streams_and_upgrades_are_counted_but_have_no_latency(path: Path) -> None:
    text = line(1, kind="stream", total=60_000) + line(1, status=101, total=9_000) + line(1, total=8)
    bucket = one(path, text)
    assert (bucket.requests, bucket.latency_ms) == (3, (8,))


def test_time_held_is_not_latency_and_what_exceeds_the_limit_is_an_error(path: Path) -> None:
    held = one(path, line(1, held="9000", total=9_030))
    assert (held.held, held.held_too_long, held.errors, held.latency_ms) == (1, 0, 0, (30,))
    late = one(path, line(1, held="10001", total=10_001, kind="late", status=503, slot="<NOSRV>"))
    assert (late.held, late.held_too_long, late.errors, late.slot) == (0, 1, 1, None)


def test_routes_are_few_however_many_paths_are_tried(path: Path) -> None:
    scan = "".join(line(1, status=404, request=f"GET /wp-{n}/x") for n in range(500))
    real = "".join(line(1, request=f"GET /page{n}/x") for n in range(MAX_ROUTES + 9))
    odd = line(1, request="BREW /pot") + line(1, request="GET *") + line(1, slot="<NOSRV>", request="GET /none")
    known = line(1, status=404, request="GET /page1/missing")
    buckets = traffic(path, scan + real + odd + known).buckets
    assert {bucket.route for bucket in buckets} == {OTHER, *(f"GET /page{n}" for n in range(MAX_ROUTES))}
    assert next(bucket.requests for bucket in buckets if bucket.route == "GET /page1") == 2
    assert sum(bucket.requests for bucket in buckets) == 500 + MAX_ROUTES + 9 + 3 + 1


def test_lines_of_another_kind_and_torn_lines_are_no_traffic(path: Path) -> None:
    text = "[NOTICE] (1) : haproxy version is 2.6.12\nga1 12\n" + line(1)[:40] + "\n" + "\n" + line(2)
    assert len(traffic(path, text).buckets) == 1


def test_adjoining_spans_count_every_request_once(path: Path) -> None:
    path.write_text("".join(line(n / 100) for n in range(1000)))
    log = Log(path)
    edges = [0, 0.333, 4.05, 4.06, 9.999, 10]
    parts = [log.traffic(at(a), at(b)) for a, b in pairwise(edges)]
    assert sum(bucket.requests for part in parts for bucket in part.buckets) == 1000


# --- gaps -----------------------------------------------------------------------------------------


def gaps(path: Path, text: str, since: float = 0, until: float = 10) -> list[tuple[float, float]]:
    found = traffic(path, text, since, until).gaps
    return [((a - START).total_seconds(), (b - START).total_seconds()) for a, b in found]


def test_a_heartbeat_each_second_proves_the_log_complete(path: Path) -> None:
    assert gaps(path, beats(-1, 11)) == []


def test_no_heartbeat_at_all_is_one_gap_even_under_traffic(path: Path) -> None:
    assert gaps(path, "".join(line(n) for n in range(10))) == [(0, 10)]
    path.unlink()
    assert Log(path).traffic(at(0), at(10)).gaps == ((at(0), at(10)),)


def test_a_gap_lasts_from_the_last_heartbeat_to_the_next(path: Path) -> None:
    assert gaps(path, beats(-1, 3) + beats(7, 11)) == [(3, 7)]
    assert gaps(path, beats(-1, 3) + beats(5, 11)) == []


def test_a_gap_may_open_or_close_the_span(path: Path) -> None:
    assert gaps(path, beats(2, 11)) == [(0, 2)]
    assert gaps(path, beats(-4, -2) + beats(2, 11)) == [(0, 2)]
    assert gaps(path, beats(-1, 6)) == [(6, 10)]
    assert gaps(path, beats(-1, 8)) == []
    assert gaps(path, beats(-1, 9) + beats(14, 15)) == [(9, 10)]


def test_a_proxy_that_died_leaves_a_gap_for_nobody_logged_what_it_cut(path: Path) -> None:
    assert gaps(path, beats(-1, 4) + beat(5, pid=8) + beat(6, pid=8), until=7) == [(4, 5)]


def test_lines_that_could_not_be_written_leave_a_gap(path: Path) -> None:
    text = beats(-1, 4) + beat(5, dropped=3) + beat(6, dropped=4) + beat(7, dropped=4)
    assert gaps(path, text, until=8) == [(4, 6)]


def test_lines_that_the_disk_had_no_room_for_leave_a_gap(path: Path) -> None:
    text = beats(-1, 4) + "goaround: 512 bytes of this log were lost\n" + beats(5, 7)
    assert gaps(path, text, until=8) == [(4, 5)]


# --- reading --------------------------------------------------------------------------------------


def count(found: Traffic) -> int:
    return sum(bucket.requests for bucket in found.buckets)


def test_rotation_loses_no_line_and_counts_none_twice(path: Path) -> None:
    log, written = Log(path), 0
    for turn in range(6):
        with path.open("a") as file:
            for _ in range(50):
                file.write(line(1 + written / 1000))
                written += 1
            file.write(line(2)[:50])
            file.flush()
            assert count(log.traffic(at(0), at(10))) == written
            file.write(line(2)[50:])
            written += 1
        if turn % 2:
            for number in (2, 1):
                older = path.with_name(f"{path.name}.{number}")
                if older.exists():
                    older.rename(path.with_name(f"{path.name}.{number + 1}"))
            path.rename(path.with_name(f"{path.name}.1"))
    assert count(log.traffic(at(0), at(10))) == count(Log(path).traffic(at(0), at(10))) == written


def test_asking_again_reads_only_what_is_new_and_an_earlier_time_reads_it_all(path: Path) -> None:
    path.write_text("".join(line(n) for n in range(60)))
    log = Log(path)
    assert count(log.traffic(at(50), at(100))) == 10
    with path.open("a") as file:
        file.write(line(60))
    assert count(log.traffic(at(50), at(100))) == 11
    assert count(log.traffic(at(0), at(100))) == 61


def test_only_the_end_of_a_long_log_is_read(path: Path) -> None:
    path.write_text("".join(line(n / 100) for n in range(200_000)))
    lines = list(Tail(path, START_MS + 1_990_000).lines())
    assert 1000 <= len(lines) < 1500
    assert lines[-1] == line(1999.99).encode()
