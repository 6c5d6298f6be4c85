"""SIGTERM ends the service when it has finished what it began, and not before."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from apps.neotoma.history import build
from apps.neotoma.tests.support import Database, migrate, serving, within

Trees = Callable[[str], Path]


@pytest.mark.parametrize("name", build.GOOD)
def test_a_stream_and_a_slow_upload_finish_after_sigterm(
    tree: Trees, database: Database, tmp_path: Path, name: str
) -> None:
    assert migrate(tree(name), database, "up").returncode == 0
    with serving(tree(name), database, tmp_path) as service:
        port = httpx.URL(service.url).port
        streamed: list[str] = []
        uploaded: list[int] = []
        begun = threading.Barrier(3)

        def stream() -> None:
            with httpx.stream("GET", f"{service.url}/events?seconds=3", timeout=10) as answer:
                lines = answer.iter_lines()
                streamed.append(next(lines))
                begun.wait()
                streamed.extend(lines)

        def upload() -> None:
            content = httpx.Request("POST", service.url, files={"file": ("slow.txt", b"slow and steady")})
            body = content.read()

            def slowly() -> Iterator[bytes]:
                yield body[:20]
                begun.wait()
                time.sleep(1.5)
                yield body[20:]

            headers = {"Content-Type": content.headers["content-type"]}
            uploaded.append(httpx.post(f"{service.url}/documents", content=slowly(), headers=headers).status_code)

        threads = [threading.Thread(target=work) for work in (stream, upload)]
        for thread in threads:
            thread.start()
        begun.wait()
        time.sleep(0.2)  # let the first bytes of the upload arrive
        service.process.send_signal(signal.SIGTERM)
        within(2, lambda: _refuses(port))
        for thread in threads:
            thread.join(10)
        assert service.process.wait(10) == 0
        assert "event: end" in streamed
        assert uploaded == [201]
        assert database.query("SELECT name FROM documents") == [("slow.txt",)]
        assert service.log()[-1]["event"] == "stop"


def _refuses(port: int | None) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port or 0), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_sigterm_on_an_idle_service_ends_it_at_once(tree: Trees, database: Database, tmp_path: Path) -> None:
    with serving(tree(build.CURRENT), database, tmp_path) as service:
        begun = time.perf_counter()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(10) == 0
        assert time.perf_counter() - begun < 2
