"""Throwaway PostgreSQL servers: fast because a power cut may ruin them, which only tests can afford.

Fixtures for any test: ``postgres_server`` (one a session and worker) and ``fresh_database`` (one a test).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from goaround.adapters.postgres.binaries import Binaries
from goaround.adapters.postgres.embedded import EmbeddedPostgres
from goaround.outliving import durable
from goaround.ports import Command, DatabaseUrls, Ended
from tests.fakes.commands import FakeCommands

DEBIAN_15 = Binaries(Path("/usr/lib/postgresql/15/bin"), 15)
FAST = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB"}


@dataclass(frozen=True)
class PostgresServer:
    """A running server with the roles ``test_migrate`` and ``test_app`` and a database ``test``."""

    folder: Path
    embedded: EmbeddedPostgres
    urls: DatabaseUrls

    def superuser_url(self, database: str = "postgres") -> str:
        passwords = durable.read_json(str(self.folder / "passwords.json"))
        assert passwords is not None
        return (
            f"postgresql://postgres:{passwords['postgres']}@{self.urls.service.split('@')[1].split('/')[0]}/{database}"
        )

    @contextmanager
    def fresh_database(self) -> Iterator[DatabaseUrls]:
        """An empty database that ``test_migrate`` owns; dropped afterwards, open sessions or not."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.superuser_url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER test_migrate")
            try:
                yield DatabaseUrls(
                    service=self.urls.service.rpartition("/")[0] + f"/{name}",
                    migration=self.urls.migration.rpartition("/")[0] + f"/{name}",
                    service_role=self.urls.service_role,
                )
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def open_folder() -> Iterator[Path]:
    """A short-lived folder that the user who runs the server may pass through; pytest's own are closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="goaround-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def running(binaries: Binaries | None = None) -> Iterator[PostgresServer]:
    """A throwaway server; its data are gone afterwards."""
    with open_folder() as folder:
        embedded = EmbeddedPostgres(folder / "server", "test", "test", binaries=binaries, settings=FAST)
        try:
            yield PostgresServer(folder / "server", embedded, embedded.ensure())
        finally:
            embedded.destroy()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with running() as server:
        yield server


@pytest.fixture
def fresh_database(postgres_server: PostgresServer) -> Iterator[DatabaseUrls]:
    with postgres_server.fresh_database() as urls:
        yield urls


@pytest.fixture(scope="session")
def postgres_15() -> Iterator[PostgresServer]:
    """The oldest version that goaround speaks to."""
    if not DEBIAN_15["initdb"].exists():
        pytest.skip("no PostgreSQL 15 in /usr/lib/postgresql/15: apt install postgresql-15")
    with running(DEBIAN_15) as server:
        yield server


class ScriptedCommands(FakeCommands):
    """``FakeCommands`` whose commands are over as soon as they are run, so that none is left to be ended."""

    def end(self, key: str) -> None:  # noqa: ARG002 (the port names it)
        return


def really(command: Command) -> Ended:
    """For ``ScriptedCommands``: run it for real, in the simplest way there is."""
    began = time.monotonic()
    ended = subprocess.run(
        command.argv,
        cwd=command.cwd,
        env=dict(command.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Ended(ended.returncode, timed_out=False, seconds=time.monotonic() - began, output=ended.stdout)


def first(effect: Callable[[], object]) -> Callable[[Command], Ended]:
    """For ``ScriptedCommands``: have an effect, then run the command for real."""

    def run(command: Command) -> Ended:
        effect()
        return really(command)

    return run
