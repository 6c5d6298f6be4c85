"""A request is answered within its limit, or it says why not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from goaround.adapters.clock import SystemClock
from goaround.adapters.http import PlainHttp

Serve = Callable[[Callable[[socket.socket], None]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves one connection by the function given; returns the URL."""
    threads: list[threading.Thread] = []
    servers: list[socket.socket] = []

    def start(answer: Callable[[socket.socket], None]) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def accept() -> None:
            connection, _ = server.accept()
            with connection:
                answer(connection)

        threads.append(threading.Thread(target=accept))
        threads[-1].start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/health"

    yield start
    for thread in threads:
        thread.join(10)
    for server in servers:
        server.close()


def _say(text: str) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(text.encode())

    return answer


def test_an_answer_has_its_status_and_how_its_body_begins(serve: Serve) -> None:
    answer = PlainHttp().get(serve(_say("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\n\r\nno\n\ndb")), 5)
    assert (answer.status, answer.detail) == (503, "Service Unavailable: no db")
    assert 0 < answer.seconds < 5


def test_a_redirect_is_not_followed(serve: Serve) -> None:
    answer = PlainHttp().get(serve(_say("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n")), 5)
    assert (answer.status, answer.detail) == (302, "redirects to /login")


def test_a_post_carries_body_and_headers(serve: Serve) -> None:
    got: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        while b"{}" not in b"".join(got):
            got.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    assert PlainHttp().post(serve(answer), b"{}", {"X-Key": "k1"}, 5).status == 204
    assert b"POST /health HTTP/1.1\r\n" in got[0]
    assert b"X-Key: k1\r\n" in got[0]


def test_no_proxy_of_the_environment_is_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert PlainHttp().get(serve(_say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")), 5).status == 200


def test_nobody_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    answer = PlainHttp().get(f"http://127.0.0.1:{port}/", 5)
    assert (answer.status, answer.detail) == (None, "Connection refused")


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "dripping"])
def test_the_limit_is_for_the_whole_answer(serve: Serve, drips: bool) -> None:
    done = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" if drips else b"")
        while not done.wait(0.05):
            if drips:
                connection.sendall(b"X-Drip: 1\r\n")

    answered = PlainHttp().get(serve(answer), 0.4)
    done.set()
    assert (answered.status, answered.detail) == (None, "no complete answer within 0.4 s")
    assert 0.4 <= answered.seconds < 2


@pytest.mark.parametrize("text", ["nonsense\r\n\r\n", "", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
def test_a_broken_answer_is_no_answer(serve: Serve, text: str) -> None:
    answer = PlainHttp().get(serve(_say(text)), 5)
    assert answer.status is None
    assert answer.detail


@pytest.mark.parametrize(
    "url", ["", "nonsense", "ftp://127.0.0.1/", "http://", "http://127.0.0.1:99999/", "http://\n/"]
)
def test_a_url_that_is_none_is_said(url: str) -> None:
    answer = PlainHttp().get(url, 5)
    assert answer.status is None
    assert answer.detail


def test_an_endless_body_is_not_read_to_the_end(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                connection.sendall(b"x" * 65536)
        except OSError:
            return

    assert PlainHttp().get(serve(answer), 5).status == 200


def test_waiting_gives_a_sign_of_life_at_least_every_second() -> None:
    beats: list[float] = []
    clock = SystemClock(lambda: beats.append(time.monotonic()))
    began = time.monotonic()
    clock.wait(1.2)
    assert time.monotonic() - began == pytest.approx(1.2, abs=0.3)
    assert beats[0] - began < 0.1
    assert all(later - earlier <= 1.0 for earlier, later in zip(beats, [*beats[1:], time.monotonic()], strict=True))


def test_many_short_waits_do_not_give_a_sign_of_life_each() -> None:
    beats: list[None] = []
    clock = SystemClock(lambda: beats.append(None))
    for _ in range(50):
        clock.wait(0.001)
    assert len(beats) == 1
    assert clock.now().utcoffset() is not None
