"""``neotoma demo``."""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import Any

from neotoma.demonstration import person, postgres, service
from neotoma.demonstration.failure import Failed
from neotoma.version import VERSION

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MADE = "made"
"""A file that says that the person of this folder has signed up, and has their samples."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its grammar."""
    parser.add_argument("--port", type=int, default=8000, help="the port, or 0 for any that is free; 8000 by default")
    parser.add_argument("--folder", type=Path, help="keep everything here, and find it again the next time")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder when the demonstration ends")


def run(options: argparse.Namespace) -> int:
    """Run it until it is told to stop. Returns 1 when it cannot."""
    try:
        with _stoppable(), _folder(options.folder, options.keep) as folder:
            _demonstrate(folder, service.free(options.port), lasting=bool(options.folder or options.keep))
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
    return 0


def _demonstrate(folder: Path, port: int, lasting: bool) -> None:
    _say("Starting PostgreSQL ...")
    with postgres.running(folder / "postgres") as database:
        service.migrate(database.url("owner"))
        _say("Starting neotoma ...")
        with service.running(database.url("app"), folder, port) as process:
            url = f"http://127.0.0.1:{port}"
            secret = _populated(folder, url)
            _say(_welcome(url, secret, folder, lasting))
            _wait(process)


def _populated(folder: Path, url: str) -> str:
    """Sign the person up and upload the samples, once a folder. Returns the password, or nothing the next time."""
    if (folder / MADE).exists():
        return ""
    secret = person.password()
    token = person.sign_up(url, secret)
    for told in person.upload(url, token):
        _say(f"  {told}")
    (folder / MADE).touch()
    return secret


def _welcome(url: str, secret: str, folder: Path, lasting: bool) -> str:
    known = secret or "the password that was shown when this folder was new"
    fate = "stays" if lasting else "is removed at the end; --folder DIR keeps it"
    return f"""
neotoma {VERSION} is running.

  Open        {url}
  Sign in as  {person.EMAIL}
  Password    {known}

  Connect an agent over MCP; it opens a page on which you let it in:
    claude mcp add --transport http neotoma {url}/mcp
  Any other client takes the address {url}/mcp.

The data in {folder} {fate}.
Ctrl-C stops everything.
"""


def _wait(process: Popen[bytes]) -> None:
    """Until a signal raises KeyboardInterrupt. Raises Failed if the service ends by itself."""
    while True:
        try:
            process.wait(3600)
        except TimeoutExpired:
            continue
        raise Failed(f"The service ended by itself with {process.returncode}. Its log is service.log in the folder.")


@contextmanager
def _stoppable() -> Iterator[None]:
    """While the block runs, the first signal to stop ends it in order; those after it do not disturb that."""

    def stop(_number: int, _frame: Any) -> None:
        for other in STOPS:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _folder(given: Path | None, keep: bool) -> Iterator[Path]:
    if given is not None:
        folder = given.absolute()
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    folder = Path(tempfile.mkdtemp(prefix="neotoma-demo-"))
    folder.chmod(0o711)  # the user who runs PostgreSQL passes through
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _say(text: str) -> None:
    print(text, flush=True)
