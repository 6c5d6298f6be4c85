"""SIGTERM ends the service when it has finished what it began, and not before; a second signal ends it at once."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from apps.neotoma.tests.support import Database, Server, Service, serving, within
from apps.neotoma.tests.support_arrival import HERE, files_in, migrated


@pytest.fixture(scope="module")
def memory(server: Server) -> Database:
    return migrated(server)


class SlowUpload:
    """An upload that stops in the middle until it is told to go on."""

    def __init__(self, service: Service, content: bytes) -> None:
        self.answers: list[int | str] = []
        self._service, self._go_on = service, threading.Event()
        request = httpx.Request("POST", service.url, files={"file": ("slow.txt", content)})
        self._body, self._type = request.read(), request.headers["content-type"]
        self._thread = threading.Thread(target=self._send)

    def begin(self) -> None:
        """Send the first half, and wait until the service has it."""
        self._thread.start()
        within(10, lambda: self._sent_half)

    def end(self) -> None:
        """Send the second half, and wait for the answer."""
        self._go_on.set()
        self._thread.join(20)

    _sent_half = False

    def _pieces(self) -> Iterator[bytes]:
        yield self._body[: len(self._body) // 2]
        self._sent_half = True
        assert self._go_on.wait(20)
        yield self._body[len(self._body) // 2 :]

    def _send(self) -> None:
        headers = {"Content-Type": self._type}
        try:
            answer = self._service.client.post("/api/sources", content=self._pieces(), headers=headers)
            self.answers.append(answer.status_code)
        except httpx.TransportError as error:
            self.answers.append(type(error).__name__)


@contextmanager
def slow_upload(service: Service, content: bytes) -> Iterator[SlowUpload]:
    """One that is half-way."""
    upload = SlowUpload(service, content)
    upload.begin()
    try:
        yield upload
    finally:
        upload.end()


def refuses(service: Service) -> bool:
    """Whether it takes no new connection."""
    url = httpx.URL(service.url)
    try:
        socket.create_connection((url.host, url.port or 0), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_an_upload_half_way_is_stored_after_sigterm(memory: Database, tmp_path: Path) -> None:
    content = b"slow and steady\n" * 100_000
    with serving(HERE, memory, tmp_path) as service:
        with slow_upload(service, content) as upload:
            service.process.send_signal(signal.SIGTERM)
            within(2, lambda: refuses(service))
        assert upload.answers in ([201], [202])
        assert service.process.wait(10) == 0
        assert service.log()[-1]["event"] == "stop"
        assert service.errors() == ""
        assert len(files_in(service.storage)) == 1
    assert memory.query("SELECT name FROM sources WHERE name = 'slow.txt'") == [("slow.txt",)]


def test_an_upload_that_never_ends_is_refused_when_the_grace_is_over(memory: Database, tmp_path: Path) -> None:
    with serving(HERE, memory, tmp_path, NEOTOMA_DRAIN_SECONDS="1") as service:
        files = {"file": ("never.txt", b"never to be seen" * 10_000)}
        request = service.client.build_request("POST", "/api/sources", files=files)
        body = request.read()
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        with socket.create_connection((request.url.host, request.url.port or 0), timeout=20) as connection:
            connection.sendall(f"POST /api/sources HTTP/1.1\r\n{head}Expect: 100-continue\r\n\r\n".encode())
            assert connection.recv(65_536).startswith(b"HTTP/1.1 100"), "it wants the body"
            connection.sendall(body[:-100])
            service.process.send_signal(signal.SIGTERM)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 503")
        assert service.process.wait(10) == 0
        assert files_in(service.storage) == []


def test_a_second_signal_ends_it_at_once(memory: Database, tmp_path: Path) -> None:
    with serving(HERE, memory, tmp_path) as service, slow_upload(service, b"left alone" * 100_000):
        service.process.send_signal(signal.SIGTERM)
        within(2, lambda: refuses(service))
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(2) == 128 + signal.SIGTERM


def test_what_is_still_read_at_sigterm_is_a_job_for_the_next(memory: Database, tmp_path: Path) -> None:
    content = b"".join(b"Receipt %d from Ada\n" % number for number in range(60_000))
    slow = {"NEOTOMA_INLINE_SECONDS": "0.01"}
    with serving(HERE, memory, tmp_path, **slow) as service:
        where = service.upload("job.txt", content).headers["location"]
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(10) == 0
    with serving(HERE, memory, tmp_path, **slow) as service:
        within(20, lambda: service.client.get(where).json()["status"] == "ready")


def test_sigterm_on_an_idle_service_ends_it_at_once(memory: Database, tmp_path: Path) -> None:
    with serving(HERE, memory, tmp_path) as service:
        assert service.client.get("/health").status_code == 200
        begun = time.perf_counter()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(10) == 0
        assert time.perf_counter() - begun < 4
        assert service.errors() == ""
