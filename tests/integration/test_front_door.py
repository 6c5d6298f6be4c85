"""Behind the front door one version follows another, and no visitor notices."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest
from tests.front_door import World, read_all, world
from tests.polling import until

from goaround.adapters.haproxy import HAProxy, preflight
from goaround.adapters.haproxy.config import Told
from goaround.adapters.haproxy.runtime_api import AdminSocket
from goaround.domain.errors import ConfigurationError, Refused, Unavailable


@pytest.fixture
def door(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as there:
        yield there


def test_twenty_switches_under_load_fail_no_request(door: World) -> None:
    stop = threading.Event()

    def visit() -> list[tuple[int, str | None]]:
        connection = HTTPConnection(door.address, timeout=10)
        replies: list[tuple[int, str | None]] = []
        while not stop.is_set():
            method = "POST" if len(replies) % 3 == 0 else "GET"
            connection.request(method, "/page", body=b"x" * 5000 if method == "POST" else None)
            response = connection.getresponse()
            response.read()
            replies.append((response.status, response.getheader("X-Version")))
        connection.close()
        return replies

    with ThreadPoolExecutor(4) as pool:
        visitors = [pool.submit(visit) for _ in range(4)]
        try:
            for number in range(20):
                slot = ("green", "blue")[number % 2]
                door.proxy.serve("green" if slot == "green" else "blue")
                assert {door.ask().version for _ in range(3)} == {slot}
        finally:
            stop.set()
        replies = [reply for visitor in visitors for reply in visitor.result()]
    assert {status for status, _ in replies} == {200}
    assert {version for _, version in replies} == {"blue", "green"}


def test_uploads_streams_and_upgrades_finish_where_they_began(door: World) -> None:
    upload = door.raw(b"POST /upload HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n")
    upload.sendall(b"x" * 60_000)
    stream = door.raw(b"GET /events/20 HTTP/1.1\r\nHost: a\r\n\r\n")
    upgrade = door.raw(b"GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
    upgrade_lines = upgrade.makefile("rb")
    assert upgrade_lines.readline().startswith(b"HTTP/1.1 101")
    until(lambda: door.proxy.state().in_flight["blue"] == 3)

    door.proxy.serve("green")
    assert door.ask().version == "green"
    upload.sendall(b"x" * 40_000)
    assert read_all(upload).endswith(b"blue 100000")
    assert b"data: blue 19" in read_all(stream)
    upgrade.sendall(b"still there?\n")
    assert b"blue still there?\n" in iter(upgrade_lines.readline, b"")
    upgrade.close()
    upgrade_lines.close()
    until(lambda: door.proxy.state().in_flight["blue"] == 0)


def test_a_service_that_closes_idle_connections_costs_no_request(door: World) -> None:
    door.kill_service("blue")
    door.start_service("blue", idle_seconds=0.05)

    def visit() -> set[int]:
        connection, statuses = HTTPConnection(door.address, timeout=10), set()
        for number in range(50):
            connection.request("POST", "/page", body=b"x")
            response = connection.getresponse()
            response.read()
            statuses.add(response.status)
            time.sleep(0.0495 + 0.0002 * (number % 10))  # the very moment at which the service closes
        connection.close()
        return statuses

    with ThreadPoolExecutor(8) as pool:
        assert {status for one in [pool.submit(visit) for _ in range(8)] for status in one.result()} == {200}


@pytest.mark.parametrize("path", ["/die", "/drop"])
@pytest.mark.parametrize("body", [b"", b"x" * 10_000])
def test_a_post_whose_server_dies_or_hangs_up_reaches_a_server_exactly_once(
    door: World, path: str, body: bytes
) -> None:
    reply = door.ask(path, "POST", body)
    assert reply.status in (502, 503)
    assert [line.split()[:2] for line in door.seen("blue")] == [["POST", path]]
    assert door.seen("green") == []


def test_a_dead_slot_hands_nothing_to_the_other_version(door: World) -> None:
    door.kill_service("blue")
    reply = door.ask(timeout=10)
    assert (reply.status, reply.version, reply.headers["retry-after"]) == (503, "", "5")
    assert door.seen("green") == []


def test_a_request_survives_a_restart_of_the_service(door: World) -> None:
    door.kill_service("blue")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(door.ask, "/page", "POST", b"once")
        until(lambda: door.proxy.state().in_flight["blue"] == 1)
        door.start_service("blue")
        assert asked.result().status == 200
    assert door.seen("blue") == ["POST /page 4"]


def test_a_failing_health_check_informs_but_turns_nothing_off(door: World) -> None:
    door.tell_service("blue", "/sick")
    until(lambda: not door.proxy.state().up["blue"])
    until(lambda: "slot_blue/blue is DOWN" in door.runtime.log(door.proxy.name))
    assert door.ask().version == "blue"


def test_a_killed_proxy_comes_back_with_what_it_was_told(door: World) -> None:
    door.proxy.serve("green")
    door.proxy.hold(True)
    before = door.proxy_pid()
    door.kill_proxy()
    until(lambda: door.proxy_pid() != before and door.proxy.state().running)
    back = door.proxy.state()
    assert (back.serving, back.holding) == ("green", True)
    door.proxy.hold(False)
    assert door.ask().version == "green"


def test_a_proxy_whose_supervisor_was_killed_serves_on_and_gets_a_new_one(door: World) -> None:
    state = door.runtime.state(door.proxy.name)
    assert state
    os.kill(state.supervisor_pid or 0, signal.SIGKILL)
    until(lambda: door.runtime.state(door.proxy.name) is None)
    assert door.ask().version == "blue"
    assert door.another().ensure().serving == "blue"
    assert door.proxy_pid() not in (0, state.pid)
    assert door.ask().version == "blue"


def test_told_while_it_is_dead_it_obeys_when_it_returns(door: World) -> None:
    door.kill_proxy()
    door.proxy.serve("green")
    assert door.ask().version == "green"


def test_ensure_makes_the_running_proxy_agree_with_the_file_and_keeps_visitors(door: World) -> None:
    AdminSocket(door.folder / "front-door").tell(Told("green", True))
    before = door.proxy_pid()
    state = door.another().ensure()
    assert (state.running, state.serving, state.holding) == (True, "blue", False)
    assert door.proxy_pid() == before


def test_a_lost_file_is_written_again_from_what_the_proxy_knows(door: World) -> None:
    (door.folder / "front-door" / "told.map").unlink()
    assert door.another().ensure().serving == "blue"


def test_other_addresses_than_those_it_runs_with_are_refused(door: World) -> None:
    door.hold_limit_seconds = 3.0
    with pytest.raises(Refused, match="other addresses"):
        door.another().ensure()
    assert door.ask().version == "blue"


def test_a_long_path_and_a_private_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long-" * 30) / ("longer-" * 20)
    folder.mkdir(parents=True)
    with world(folder) as there:
        assert there.ask().version == "blue"
        assert (folder / "front-door" / "admin.sock").stat().st_mode & 0o777 == 0o600


# --- what may be wrong -------------------------------------------------------------------------------


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[World]:
    """A front door that nobody started yet."""
    there = World(tmp_path)
    yield there
    there.runtime.stop(there.proxy.name)


def test_a_taken_port_is_named(closed: World) -> None:
    host, port = closed.address.split(":")
    with socket.create_server((host, int(port))), pytest.raises(Unavailable, match=f"{closed.address} is taken"):
        closed.proxy.ensure()
    assert closed.runtime.state(closed.proxy.name) is None


def test_a_missing_haproxy_says_what_to_install(closed: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(preflight, "USUAL_FOLDERS", ())
    with pytest.raises(Unavailable, match="apt-get install haproxy"):
        closed.proxy.ensure()


def test_what_haproxy_refuses_is_quoted(closed: World) -> None:
    closed.ports["blue"] = 99_999
    with pytest.raises(Unavailable, match=r"refuses its configuration.*\s.*99999"):
        closed.proxy.ensure()


@pytest.mark.parametrize(("listen", "health"), [("nonsense", "/health"), ("127.0.0.1:80", "/a b"), ("x:80", "//'")])
def test_what_cannot_be_configured_is_refused_at_once(closed: World, listen: str, health: str) -> None:
    with pytest.raises(ConfigurationError):
        HAProxy(
            folder=closed.folder,
            environment="test",
            listen=listen,
            slot_ports=closed.ports,
            health_path=health,
            hold_limit_seconds=1,
            runtime=closed.runtime,
            log=closed.folder / "log",
            wait=lambda _seconds: None,
        )
