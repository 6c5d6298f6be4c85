"""The PostgreSQL that goaround runs itself, one for each environment."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from psycopg import Connection, sql

from goaround.adapters.postgres import backup, connection
from goaround.adapters.postgres.account import Account, passable, server_account
from goaround.adapters.postgres.binaries import Binaries, copied_to, server_programs, wheel_folder
from goaround.adapters.postgres.cluster import SUPERUSER, Cluster
from goaround.domain.errors import TimedOut, Unavailable
from goaround.outliving import durable
from goaround.ports import Backup, Commands, DatabaseUrls

_LOCK_SECONDS = 180.0
_PORTS = range(20000, 32000)  # below the range that systems take for outgoing connections
_SYSTEM = Path("/var/lib/goaround")
"""Where data goes as root if the user who runs the server may not pass through the project's folders."""


class EmbeddedPostgres:
    """``ports.Database`` in ``folder``, with a port that never changes and passwords in a file of mode 0600.

    The role ``<service>_migrate`` owns the database, ``<service>_app`` owns nothing (``-`` becomes ``_``).
    ``settings`` are added to postgresql.conf when the database is made.
    """

    def __init__(
        self,
        folder: Path,
        environment: str,
        service: str,
        *,
        binaries: Binaries | None = None,
        settings: Mapping[str, str] | None = None,
        backup_jobs: int = 2,
        backup_timeout_seconds: float = 3600.0,
    ) -> None:
        self._folder = folder.absolute()
        self._environment = environment
        self._database = service.replace("-", "_")
        self._binaries = binaries
        self._settings = settings or {}
        self._backup_jobs = backup_jobs
        self._backup_timeout_seconds = backup_timeout_seconds

    def ensure(self) -> DatabaseUrls:
        """See the port. May be called at any time, by several processes at once, and killed at any point."""
        with self._locked() as lock:
            cluster, passwords = self._cluster(), self._passwords()
            if not cluster.data.exists():
                self._check_never_made(cluster)
                cluster.make(passwords[SUPERUSER], self._settings, lock)
            self._remember(made=True)
            cluster.start(passwords[SUPERUSER])
            with connection.connected(cluster.url(SUPERUSER, passwords[SUPERUSER], "postgres")) as database:
                self._have_roles(database, passwords)
        urls = DatabaseUrls(
            service=cluster.url(self._app, passwords[self._app], self._database),
            migration=cluster.url(self._migrate, passwords[self._migrate], self._database),
            service_role=self._app,
            passwords=(passwords[self._app], passwords[self._migrate]),
        )
        connection.server(urls.service)
        connection.server(urls.migration)
        return urls

    def backup(self, destination: Path, key: str, commands: Commands, on_output: Callable[[int, str], None]) -> Backup:
        """See the port."""
        order = backup.Order(self._environment, destination, key, self._backup_jobs, self._backup_timeout_seconds)
        return backup.take(order, lambda: self.ensure().migration, commands, on_output)

    def size_bytes(self) -> int:
        """See the port."""
        return connection.size_bytes(self.ensure().migration)

    def stop(self) -> None:
        """Stop the server in order; nothing running: nothing done."""
        if self._place():
            with self._locked():
                self._cluster().stop()

    def destroy(self) -> None:
        """Stop the server and remove it with all data and passwords. For demo and tests."""
        if place := self._place():
            self.stop()
            base = Path(str(place["base"]))
            shutil.rmtree(base / "data", ignore_errors=True)
            if base != self._folder:
                shutil.rmtree(base)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _app(self) -> str:
        return f"{self._database}_app"

    @property
    def _migrate(self) -> str:
        return f"{self._database}_migrate"

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self._folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + _LOCK_SECONDS
        try:
            while not _had(fd):
                if time.monotonic() > deadline:
                    raise TimedOut(
                        f"another process has been busy with the database of {self._environment} "
                        f"for {_LOCK_SECONDS:g} s",
                        state="it was left alone",
                        remedy=f"see which: fuser -v {self._folder / 'lock'}",
                    )
                time.sleep(0.02)
            yield fd
        finally:
            os.close(fd)

    def _cluster(self) -> Cluster:
        account = server_account()
        place = self._place() or self._choose_place(account)
        base, port = Path(str(place["base"])), int(str(place["port"]))
        version = base / "data" / "PG_VERSION"
        major = int(version.read_text()) if version.exists() else None
        binaries = self._binaries or server_programs(major)
        if not account.reaches(binaries["postgres"]):
            binaries = self._within_reach(account, binaries, major)
        return Cluster(base / "data", port, account, binaries)

    @staticmethod
    def _within_reach(account: Account, binaries: Binaries, major: int | None) -> Binaries:
        if binaries.folder == wheel_folder():
            passable(_SYSTEM)
            binaries = copied_to(binaries, _SYSTEM)
        if account.reaches(binaries["postgres"]):
            return binaries
        raise Unavailable(
            f"user {account.name}, who has to run PostgreSQL in root's place, may not run {binaries['postgres']}",
            state="no database was started",
            remedy=f"let others pass through its folders, or: apt install postgresql-{major or binaries.major}",
        )

    def _place(self) -> dict[str, object] | None:
        return durable.read_json(str(self._folder / "place.json"))

    def _choose_place(self, account: Account) -> dict[str, object]:
        base = self._folder
        name = hashlib.sha256(str(self._folder).encode()).hexdigest()[:16]
        if not account.reaches(base):
            base = passable(passable(_SYSTEM) / name)
        place: dict[str, object] = {"base": str(base), "port": _free_port(int(name, 16)), "made": False}
        durable.write_json(str(self._folder / "place.json"), place)
        return place

    def _remember(self, *, made: bool) -> None:
        place = self._place()
        if place and place["made"] is not made:
            durable.write_json(str(self._folder / "place.json"), {**place, "made": made})

    def _check_never_made(self, cluster: Cluster) -> None:
        place = self._place()
        if place and place["made"]:
            raise Unavailable(
                f"the database of {self._environment} was in {cluster.data}, and that folder is gone",
                state="nothing was made in its place: an empty database would look like a healthy one",
                remedy=f"bring the folder back; or, if its data may be lost, remove {self._folder}",
            )

    def _passwords(self) -> dict[str, str]:
        """Written before the database is made, so there is never one that nobody can enter."""
        path = self._folder / "passwords.json"
        known = durable.read_json(str(path))
        if known is None:
            if (place := self._place()) and place["made"]:
                raise Unavailable(
                    f"the passwords for the database of {self._environment} cannot be read from {path}",
                    state="the database was left alone",
                    remedy="bring the file back from a backup of the project's folder",
                )
            known = {role: secrets.token_urlsafe(24) for role in (SUPERUSER, self._migrate, self._app)}
            durable.write_json(str(path), known)
        return {role: str(password) for role, password in known.items()}

    def _have_roles(self, database: Connection[tuple[object, ...]], passwords: Mapping[str, str]) -> None:
        # The owner sees every row, whatever policies say: what it cannot see, neither a backup nor a migration has.
        # It makes the roles that policies are for.
        for role, attributes in ((self._migrate, "BYPASSRLS CREATEROLE"), (self._app, "NOBYPASSRLS")):
            if database.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
                # As a verifier: statements may end up in the server's log.
                verifier = database.pgconn.encrypt_password(passwords[role].encode(), role.encode(), b"scram-sha-256")
                create = sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}")
                database.execute(create.format(sql.Identifier(role), sql.SQL(attributes), verifier.decode()))
        # One that an earlier goaround made may not make roles yet.
        lacking = "SELECT FROM pg_roles WHERE rolname = %s AND NOT rolcreaterole"
        if database.execute(lacking, [self._migrate]).fetchone() is not None:
            database.execute(sql.SQL("ALTER ROLE {} CREATEROLE").format(sql.Identifier(self._migrate)))
        if database.execute("SELECT FROM pg_database WHERE datname = %s", [self._database]).fetchone() is None:
            names = sql.Identifier(self._database), sql.Identifier(self._migrate)
            database.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))


def _had(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free_port(start: int) -> int:
    """A port that is free now; where to begin differs from folder to folder, so two rarely choose the same."""
    for step in range(len(_PORTS)):
        port = _PORTS[(start + step) % len(_PORTS)]
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Unavailable(
        f"no free port from {_PORTS.start} to {_PORTS.stop - 1}",
        state="no database was started",
        remedy="end something that listens there",
    )
