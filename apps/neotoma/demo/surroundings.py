"""What surrounds the demo: somebody who receives the notices, free ports, and the owner's key."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SIGNERS = "releases/allowed_signers"


class Receiver:
    """Where announcements and alerts arrive."""

    def __init__(self) -> None:
        received: list[dict[str, Any]] = []

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # the base class's name
                """Quiet."""

        self.received = received
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        self.url = f"http://127.0.0.1:{self._server.server_port}/notices"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def free_ports(count: int, width: int = 3) -> list[int]:
    """First ports of that many free runs of ``width``, below those that systems take for outgoing connections."""
    found: list[int] = []
    for port in range(7480, 20000, 10):
        if all(_is_free(port + offset) for offset in range(width)):
            found.append(port)
        if len(found) == count:
            return found
    raise SystemExit("error: no free ports between 7480 and 20000 on 127.0.0.1; stop something and try again")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def owners_key(folder: Path) -> Path:
    """The owner's SSH key, made for this demo alone."""
    key = folder / "owner"
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "owner", "-f", str(key)]
    subprocess.run(made, check=True)
    return key


def commit_signers(project: Path, key: Path, branches: Sequence[str]) -> None:
    """Every version says whose keys count: the owner's."""
    line = f'owner namespaces="release-signoff@neotoma" {key.with_suffix(".pub").read_text()}'
    for branch in branches:
        git(project, "switch", "--quiet", branch)
        (project / SIGNERS).write_text(line)
        git(project, "add", SIGNERS)
        git(project, "commit", "--quiet", "--message=The owner signs")
    git(project, "switch", "--quiet", "main")


def git(project: Path, *arguments: str) -> None:
    """As nobody in particular."""
    identity = ("-c", "user.name=demo", "-c", "user.email=demo@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=project, check=True)
