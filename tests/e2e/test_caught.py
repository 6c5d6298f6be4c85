"""Versions that turn out to be bad in production are caught there and taken back by themselves."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest
from tests.e2e.desk import NEXT, incident, poison, poisoned, taken_back, takes_off, toml, variant
from tests.polling import until
from tests.shop.shop import Shop

pytestmark = pytest.mark.xdist_group("e2e-caught")
FAULTS = ("version.json", '"faults": []')


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port of somebody who takes calls and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port: int = listener.getsockname()[1]
        yield port


def test_smoke_tests_that_fail_in_production_and_nobody_who_is_told_holds_up_the_way_back(
    standing: Shop, deaf: int
) -> None:
    version = variant(standing, "v1.1.0-smoke", NEXT, (*FAULTS, '"faults": ["smoke"]'))
    alerts = "".join(
        f"[[notify.alert]]\n{receiver}\n\n"
        for receiver in (
            f'webhook = "http://127.0.0.1:{deaf}/"',
            'webhook = "http://127.0.0.1:1/"',
            'command = ["sleep", "600"]',
        )
    )
    with toml(standing, ("[[notify.alert]]", alerts + "[[notify.alert]]")), standing.traffic().flowing() as visitors:
        said = takes_off(standing, version).reaches("production/back-watch").ends()
    said.clear(6, "smoke is coming out of production", "it ran against production", "production/smoke")
    assert visitors.failed == []
    taken_back(standing, version, visitors)
    told = standing.state(version).evidence("production", "alert")["told"]
    assert [line.startswith("told by sh") for line in told] == [False, False, False, True]
    assert "no complete answer within 3 s" in told[0]
    assert f"{version}/production/alert/3" in standing.told
    assert incident(standing, version)["rollback_seconds"] < 30


def test_errors_that_visitors_meet(standing: Shop) -> None:
    version = variant(standing, "v1.1.0-errors", NEXT, (*FAULTS, '"faults": ["errors"]'))
    with toml(standing, ('for = "1s"', 'for = "10m"')), standing.traffic().flowing() as visitors:
        said = takes_off(standing, version).reaches("production/back-watch").ends()
    said.clear(6, "trigger: > 10 %", "the version under watch still serves production", "goaround is taking it back")
    assert {visit.problem for visit in visitors.failed} == {"out of luck"}
    taken_back(standing, version, visitors)
    record = incident(standing, version)
    assert (record["cause"], record["data_touched"]) == ("trigger", True)
    assert record["severity"] in ("major", "critical")
    told = re.search(r"(\d+) of (\d+) requests failed", said.all)
    assert told is not None
    failed, seen = map(int, told.groups())
    assert failed / seen > 0.1
    assert failed <= record["errors"] <= len(visitors.failed)


def test_a_version_that_is_not_healthy_in_production_alone_gets_no_traffic_there(standing: Shop) -> None:
    healthy = '            case ["health"]:\n'
    ill = f'{healthy}                if IN_PRODUCTION:\n                    return 500, {{"error": "ill"}}\n'
    version = variant(standing, "v1.1.0-homesick", NEXT, ("service.py", healthy, ill))
    with (
        toml(standing, ('start_timeout = "10s"', 'start_timeout = "3s"')),
        standing.traffic().flowing() as visitors,
    ):
        said = takes_off(standing, version).reaches("production/back-watch").ends()
    said.clear(6, "did not become healthy on production/green", "the traffic of production was not moved", "logs")
    assert set(visitors.versions) == {"v1.0.0"}
    assert visitors.failed == []
    taken_back(standing, version, visitors)


@pytest.mark.parametrize(
    ("origin", "loosely"),
    [(NEXT, False), (NEXT, True), ("v2.0.0", True)],
    ids=["in a transaction", "half-way", "half-way, under a hold"],
)
def test_a_migration_that_fails_in_production(standing: Shop, origin: str, *, loosely: bool) -> None:
    name = f"{origin.partition('-')[0]}-poisoned-{'half' if loosely else 'whole'}"
    version = poison(standing, name, origin, loosely=loosely)
    before = standing.migration_log("production")
    with poisoned(standing):
        with standing.traffic().flowing() as visitors:
            said = takes_off(standing, version).reaches("production/back-watch").ends()
        said.clear(6, "poisoned", "may be half-way; the old version serves", "production/migrate")
        assert set(visitors.versions) == {"v1.0.0"}
        assert visitors.failed == []
        taken_back(standing, version, visitors)
    number = "0003" if origin == "v2.0.0" else "0002"
    done = standing.migration_log("production")[len(before) :]
    assert done == ([(number, "begun"), (number, "down")] if loosely else [])
    assert incident(standing, version)["severity"] == "critical"


def test_a_process_that_dies_under_watch(standing: Shop) -> None:
    """Its supervisor starts it again; a version that does not stay is none to keep."""
    late = "    server.serve_forever("
    dies = "    if IN_PRODUCTION:\n        threading.Timer(2, os._exit, [9]).start()\n" + late
    version = variant(standing, "v1.1.0-faint", NEXT, ("service.py", late, dies))
    with toml(standing, ('for = "1s"', 'for = "10m"')), standing.traffic().flowing() as visitors:
        said = takes_off(standing, version).reaches("production/back-watch").ends()
    said.clear(6, "died", "production", "goaround logs")
    taken_back(standing, version, visitors)
    until(lambda: visitors.versions[version] > 0, 1)
