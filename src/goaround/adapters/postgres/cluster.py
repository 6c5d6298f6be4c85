"""One PostgreSQL server of our own: made, started, stopped. It answers on 127.0.0.1 only and outlives goaround."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from goaround.adapters.postgres import connection
from goaround.adapters.postgres.account import Account
from goaround.adapters.postgres.binaries import Binaries
from goaround.domain.errors import TimedOut, Unavailable
from goaround.outliving import durable

SUPERUSER = "postgres"
_MAKE_SECONDS = 120
_START_SECONDS = 60
_STOP_SECONDS = 60
_ORPHANS_SECONDS = 15.0
"""How long the processes of a killed server may take to notice that it is gone."""
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "logical",  # a copy that is kept up to date needs it, and changing it later needs a restart
    "password_encryption": "scram-sha-256",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A data folder and how to run it. Whoever calls sees to it that nobody else does so at the same time."""

    data: Path
    port: int
    account: Account
    binaries: Binaries

    def url(self, role: str, password: str, database: str) -> str:
        """Passwords and names hold nothing that would have to be quoted."""
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def make(self, password: str, settings: Mapping[str, str], lock: int) -> None:
        """Make the data folder; it is there whole or not at all. Raises ``Unavailable``.

        ``lock`` is inherited, so that nobody tries again while what a killed goaround began is still running.
        """
        making = self.data.with_name(f"{self.data.name}.making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        self.account.own(making)
        self._initdb(making, password, lock, synced=settings.get("fsync") != "off")
        lines = [f"{name} = '{value}'\n" for name, value in {**_SETTINGS, **settings}.items()]
        with (making / "postgresql.conf").open("a") as file:
            file.write("\n# goaround\n" + "".join(lines))
            file.flush()
            os.fsync(file.fileno())
        making.rename(self.data)
        durable.sync_folder(str(self.data.parent))

    def _initdb(self, folder: Path, password: str, lock: int, *, synced: bool) -> None:
        # A pipe and not a file: the password is on no disk and in no process table.
        reading, writing = os.pipe()
        try:
            if self.account.switch:
                os.fchown(reading, self.account.uid, self.account.gid)
            os.write(writing, f"{password}\n".encode())
            os.close(writing)
            argv: list[str | Path] = [
                self.binaries["initdb"],
                f"--pgdata={folder}",
                f"--username={SUPERUSER}",
                f"--pwfile=/dev/fd/{reading}",
            ]
            argv += ["--auth=scram-sha-256", "--data-checksums", "--encoding=UTF8", "--locale=C"]
            if self.binaries.major >= 17:  # the same order and upper case everywhere, whatever the system's libc
                argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            if not synced:
                argv += ["--no-sync"]
            ended = self._run(argv, _MAKE_SECONDS, (reading, lock))
        finally:
            os.close(reading)
        if ended.returncode:
            raise Unavailable(
                f"initdb could not make a database in {self.data.parent}: {_tail(ended.stdout)}",
                state="there is no database yet, and nothing of it is left behind",
                remedy="correct what it complains of (disk space, permissions) and try again",
            )

    def start(self, password: str) -> None:
        """Have the server answer. Raises ``Unavailable`` (port taken, cannot start)."""
        deadline = time.monotonic() + _START_SECONDS
        if not self._alive():  # asked first: a stranger on the port may take its time to say anything
            self._launch()
        while not self.answers(password):
            if time.monotonic() > deadline:
                raise TimedOut(
                    f"PostgreSQL in {self.data} does not answer on port {self.port} after {_START_SECONDS} s",
                    state="its process is running and was left alone",
                    remedy=f"read its log in {self.data / 'log'}",
                )
            time.sleep(0.05)

    def answers(self, password: str) -> bool:
        """Whether it is this server that answers, and not a stranger on its port."""
        try:
            with connection.connected(self.url(SUPERUSER, password, "postgres")) as database:
                row = database.execute("SHOW data_directory").fetchone()
        except Unavailable:
            return False
        return row is not None and Path(row[0]) == self.data

    def stop(self) -> None:
        """Stop it in order, ending sessions; one that is not running is fine. Raises ``Unavailable``."""
        if not self._alive():
            return
        ended = self._pg_ctl("stop", "--mode=fast", f"--timeout={_STOP_SECONDS}", seconds=_STOP_SECONDS + 10)
        if ended.returncode and self._alive():
            raise Unavailable(
                f"PostgreSQL in {self.data} does not stop: {_tail(ended.stdout)}",
                state="it may still be running",
                remedy=f"read its log in {self.data / 'log'}",
            )

    def _launch(self) -> None:
        deadline = time.monotonic() + _ORPHANS_SECONDS
        self._forget_stranger()
        while True:
            self._check_port()
            self._log.unlink(missing_ok=True)
            ended = self._pg_ctl(
                "start",
                f"--options=-p {self.port}",
                f"--log={self._log}",
                f"--timeout={_START_SECONDS}",
                seconds=_START_SECONDS + 10,
            )
            if ended.returncode == 0 or self._alive():  # somebody was faster: the caller waits for it
                return
            said = self._said() or ended.stdout
            if "Address already in use" in said:
                raise self._port_taken()
            if "shared memory block" not in said or time.monotonic() > deadline:
                raise Unavailable(
                    f"PostgreSQL in {self.data} does not start: {_tail(said)}",
                    state="it is not running; its data is as it was",
                    remedy="correct what it complains of and try again",
                )
            time.sleep(0.2)

    @property
    def _log(self) -> Path:
        return self.data / "start.log"

    def _said(self) -> str:
        """What a server that did not start had to say: first into its output, then into its own log."""
        if not self._log.exists():
            return ""
        began = self._log.stat().st_ctime
        logs = [path for path in (self.data / "log").glob("*.log") if path.stat().st_mtime >= began]
        return "".join(path.read_text(errors="replace")[-4000:] for path in [self._log, *logs])

    def _check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                raise self._port_taken() from None

    def _port_taken(self) -> Unavailable:
        return Unavailable(
            f"port {self.port}, which belongs to PostgreSQL in {self.data}, is taken by another program",
            state="PostgreSQL is not running; its data is as it was",
            remedy=f"end what listens there (see: ss -ltnp sport = :{self.port}) and try again",
        )

    def _alive(self) -> bool:
        return (pid := self._pid()) is not None and _runs(pid, self.data)

    def _forget_stranger(self) -> None:
        """After a reboot the number in a stale postmaster.pid may be another program's, and PostgreSQL would not
        start for fear of it. A number that nobody has is left to PostgreSQL, which also looks for orphans."""
        pid = self._pid()
        if pid is not None and Path(f"/proc/{pid}").exists() and not _runs(pid, self.data):
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _pid(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def _pg_ctl(self, verb: str, *options: str, seconds: float) -> subprocess.CompletedProcess[str]:
        return self._run([self.binaries["pg_ctl"], verb, f"--pgdata={self.data}", "--wait", *options], seconds)

    def _run(
        self, argv: list[str | Path], seconds: float, pass_fds: tuple[int, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        # Nothing of goaround's own environment: it holds secrets, and this process outlives it.
        env = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        try:
            return self.account.run(argv, env=env, timeout_seconds=seconds, pass_fds=pass_fds)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(
                f"{Path(argv[0]).name} as user {self.account.name} came to no end: {error}",
                state=f"what there is of the database in {self.data.parent} is as it was",
                remedy="correct what it complains of and try again",
            ) from None


def _runs(pid: int, data: Path) -> bool:
    """Whether this process is the server of this data folder; its command line says so and anyone may read it."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return str(data).encode() in words


def _tail(text: str) -> str:
    return " / ".join(text.strip().splitlines()[-4:]) or "(it says nothing)"
