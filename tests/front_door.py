"""A front door with two labelled services behind it, for tests that need the real thing."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from goaround.adapters.haproxy import HAProxy
from goaround.adapters.processes import SupervisedProcesses
from goaround.ports import SLOTS, Slot
from tests.polling import until

SERVICE = Path(__file__).with_name("labelled_service.py")


@dataclass
class Reply:
    status: int
    version: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def ask(address: str, path: str = "/", method: str = "GET", body: bytes | None = None, timeout: float = 20.0) -> Reply:
    """One request over a connection of its own."""
    connection = HTTPConnection(address, timeout=timeout)
    try:
        connection.request(method, path, body=body)
        response = connection.getresponse()
        return Reply(response.status, response.getheader("X-Version", ""), dict(response.headers), response.read())
    finally:
        connection.close()


def free_ports(count: int) -> list[int]:
    """Different ports nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class World:
    """HAProxy on ``address`` and a service on each slot, whose version is the slot's name."""

    def __init__(self, folder: Path, hold_limit_seconds: float = 10.0) -> None:
        self.folder = folder
        self.started = time.time()
        front, blue, green = free_ports(3)
        self.address = f"127.0.0.1:{front}"
        self.ports: dict[Slot, int] = {"blue": blue, "green": green}
        self.runtime = SupervisedProcesses(folder / "processes", time.sleep)
        self.services: dict[Slot, subprocess.Popen[bytes]] = {}
        self.hold_limit_seconds = hold_limit_seconds
        self.proxy = self.another()

    def another(self) -> HAProxy:
        """The adapter as a new controller would make it."""
        return HAProxy(
            folder=self.folder / "front-door",
            environment="test",
            listen=self.address,
            slot_ports=self.ports,
            health_path="/health",
            hold_limit_seconds=self.hold_limit_seconds,
            runtime=self.runtime,
            log=self.runtime.log_path("test-front-door"),
            wait=time.sleep,
        )

    def seen(self, slot: Slot) -> list[str]:
        """What reached the service, one line a request."""
        path = self.folder / f"{slot}.seen"
        return path.read_text().splitlines() if path.exists() else []

    def start_service(self, slot: Slot, idle_seconds: float = 60.0) -> None:
        arguments = (self.ports[slot], slot, self.folder / f"{slot}.seen", idle_seconds)
        argv = (sys.executable, "-I", str(SERVICE), *map(str, arguments))
        self.services[slot] = subprocess.Popen(argv)
        until(lambda: self.listens(slot), what=f"{slot} listens")

    def listens(self, slot: Slot) -> bool:
        with suppress(OSError):
            return ask(f"127.0.0.1:{self.ports[slot]}", "/health").status > 0
        return False

    def kill_service(self, slot: Slot) -> None:
        process = self.services.pop(slot)
        process.kill()
        process.wait()

    def tell_service(self, slot: Slot, path: str) -> None:
        assert ask(f"127.0.0.1:{self.ports[slot]}", path).status == 200

    def proxy_pid(self) -> int:
        state = until(lambda: self.runtime.state(self.proxy.name))
        assert state
        return state.pid or 0

    def kill_proxy(self) -> None:
        os.kill(self.proxy_pid(), signal.SIGKILL)

    def admin(self, command: str) -> str:
        """Ask HAProxy itself, to check what the adapter says."""
        with socket.socket(socket.AF_UNIX) as connection:
            folder = os.open(self.folder / "front-door", os.O_PATH)
            connection.connect(f"/proc/self/fd/{folder}/admin.sock")
            os.close(folder)
            connection.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def connections(self) -> int:
        """Clients that HAProxy holds a connection for, this question not counted."""
        found = re.search(r"^CurrConns: (\d+)$", self.admin("show info"), re.MULTILINE)
        assert found
        return int(found[1])

    def raw(self, request: bytes) -> socket.socket:
        """A connection over which this was sent."""
        host, port = self.address.split(":")
        connection = socket.create_connection((host, int(port)), timeout=20)
        connection.sendall(request)
        return connection

    def ask(self, path: str = "/", method: str = "GET", body: bytes | None = None, timeout: float = 20.0) -> Reply:
        return ask(self.address, path, method, body, timeout)


def read_all(connection: socket.socket) -> bytes:
    """What arrives until the other side closes."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


@contextmanager
def world(folder: Path, hold_limit_seconds: float = 10.0, serving: Slot | None = "blue") -> Iterator[World]:
    """Everything running, blue serving; everything gone afterwards."""
    there = World(folder, hold_limit_seconds)
    try:
        for slot in SLOTS:
            there.start_service(slot)
        there.proxy.ensure()
        there.proxy.serve(serving)
        yield there
    finally:
        there.runtime.stop(there.proxy.name)
        for slot in tuple(there.services):
            there.kill_service(slot)
