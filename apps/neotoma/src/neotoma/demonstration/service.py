"""The service as a process of its own, as in production, and the schema that it needs."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from neotoma.demonstration.failure import Failed

START_SECONDS = 60
STOP_SECONDS = 20


def free(port: int) -> int:
    """The port, or any free one for 0. Raises Failed when somebody else has it."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise Failed(f"Port {port} is not free. Choose another with --port, or 0 for any.") from error
        given: int = probe.getsockname()[1]
        return given


def migrate(url: str) -> None:
    """Bring the schema to the newest version. Raises Failed."""
    variables = {**os.environ, "MIGRATION_DATABASE_URL": url, "APP_ROLE": "app"}
    command = [sys.executable, "-m", "neotoma", "migrate", "up"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"The schema could not be brought up to date: {done.stderr.strip()}")


@contextmanager
def running(database_url: str, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The service on a port of this machine, healthy. It drains and ends when the block does. Raises Failed."""
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("NEOTOMA_")},
        "DATABASE_URL": database_url,
        "NEOTOMA_STORAGE": str(folder / "files"),
        "NEOTOMA_URL": f"http://127.0.0.1:{port}",
        "NEOTOMA_ENVIRONMENT": "demo",
    }
    command = [sys.executable, "-m", "neotoma", "serve", "--port", str(port)]
    log = folder / "service.log"
    with log.open("wb") as out:  # in a session of its own, so that Ctrl-C reaches us first
        process = subprocess.Popen(command, env=variables, stdout=out, stderr=out, start_new_session=True)
    try:
        _wait(process, f"http://127.0.0.1:{port}/health", log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], health: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(health, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    lines = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise Failed(f"The service did not become healthy. Its log ends: {' / '.join(lines)}")
