"""Backups with pg_dump, each one complete effect at its destination, whatever happens on the way.

A try is made in a hidden folder beside the destination and renamed to it when everything about it is known to be
right and on the disk. So what is at the destination is a whole backup, or was altered afterwards.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path

from psycopg.conninfo import make_conninfo

from goaround.adapters.postgres import connection
from goaround.adapters.postgres.binaries import client_tools
from goaround.adapters.postgres.sealed import LIST, check_dump, fixed, read_sealed, seal
from goaround.domain.errors import TimedOut, Unavailable, UnknownOutcome
from goaround.outliving import durable
from goaround.ports import Backup, Command, Commands, Ended

_CUT_OFF_RUNS = 3
_SECRET_PARAMETERS = ("password", "sslpassword")
_LIST_SECONDS = 600.0

OnOutput = Callable[[int, str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be backed up to where. ``key`` is that of one attempt; its commands are ``<key>/pg_dump#<n>``."""

    environment: str
    destination: Path
    key: str
    jobs: int = 2
    timeout_seconds: float = 3600.0

    @property
    def untouched(self) -> str:
        return f"{self.environment} was not touched: a dump only reads"

    def trial(self, number: int) -> Path:
        """Where try ``number`` is made; other attempts have other places."""
        mark = sha256(self.key.encode()).hexdigest()[:12]
        return self.destination.with_name(f".{self.destination.name}.{mark}.{number}")


def take(order: Order, url: Callable[[], str], commands: Commands, on_output: OnOutput) -> Backup:
    """The backup at the destination: the one that is there and intact, or a new one.

    Raises ``Unavailable`` if none can be taken, or if what is there was altered since it was taken.
    """
    there = read_sealed(order.destination)
    if there is None:
        order.destination.parent.mkdir(parents=True, exist_ok=True)
        there = _Dump(order, url(), commands, on_output).take()
    _remove_trials(order)
    return there


class _Dump:
    def __init__(self, order: Order, url: str, commands: Commands, on_output: OnOutput) -> None:
        self.order = order
        self.url = url
        self.commands = commands
        self.on_output = on_output
        self.server = connection.server(url)
        self.tools = client_tools(self.server.major)

    def take(self) -> Backup:
        number, ended = self._dumped()
        trial = self.order.trial(number)
        self._check_ended("pg_dump", ended)
        if not trial.exists():
            raise self._wrong("pg_dump ended well, but what it wrote is gone", "see who removes files there")
        entries = self._listed(number, trial)
        if problem := check_dump(trial, entries):
            raise self._wrong(problem, "see that the disk is sound and has space, and try again")
        made = seal(trial, ended.seconds, self.server.version, len(entries), self._started_at(trial))
        trial.rename(self.order.destination)
        durable.sync_folder(str(self.order.destination.parent))
        return fixed(made, self.order.destination)

    def _dumped(self) -> tuple[int, Ended]:
        """The first try that came to an end, and its number. One that was cut off is followed by another."""
        shown, runs = 0, 0
        for number in count(1):
            key = f"{self.order.key}/pg_dump#{number}"
            before = self.commands.ended(key)
            if before is not None and before.exit_code is None and not before.timed_out:
                continue
            if before is None:
                _remove_trials(self.order)
                self._check_space()
                runs += 1
            at = _Counter(self.on_output, shown)
            ended = self._run(self._pg_dump(key, self.order.trial(number)), at)
            shown = at.shown
            if ended.exit_code is not None or ended.timed_out:
                return number, ended
            if runs == _CUT_OFF_RUNS:
                break
        raise UnknownOutcome(
            f"pg_dump of {self.order.environment} was cut off {runs} times, and nobody can tell why",
            state=self.order.untouched,
            remedy="find out what ends it (memory?) and try again",
        )

    def _run(self, command: Command, on_output: OnOutput) -> Ended:
        try:
            return self.commands.run(command, on_output)
        except Exception:
            # Whatever calls us off: a dump that goes on holds locks that a migration would have to wait for.
            self.commands.end(command.key)
            raise

    def _pg_dump(self, key: str, trial: Path) -> Command:
        given = connection.parameters(self.url)
        public = make_conninfo(**{name: value for name, value in given.items() if name not in _SECRET_PARAMETERS})
        password = given.get("password")
        # What libpq takes from the environment counts here as it does for every other connection of ours.
        env = {name: value for name, value in os.environ.items() if name.startswith("PG") or name in ("HOME", "PATH")}
        env |= {"LC_ALL": "C", "PGAPPNAME": "goaround backup"} | ({"PGPASSWORD": password} if password else {})
        return Command(
            key=key,
            argv=(
                str(self.tools["pg_dump"]),
                "--format=directory",
                f"--jobs={self.order.jobs}",
                "--compress=1",  # most of what compression gains, at a third of the time on production's machine
                "--lock-wait-timeout=30s",
                "--no-password",
                f"--file={trial}",
                f"--dbname={public}",
            ),
            cwd=trial.parent,
            env=env,
            timeout_seconds=self.order.timeout_seconds,
            secrets=(password,) if password else (),
        )

    def _listed(self, number: int, trial: Path) -> list[str]:
        """The lines of ``pg_restore --list``: the dump as the tool that would restore it sees it."""
        for run in count(1):
            key = f"{self.order.key}/pg_restore#{number}.{run}"
            before = self.commands.ended(key)
            # Only looks, so what was cut off, or listed what has since been removed, is simply done again.
            if before is None or (before.exit_code is not None and (trial / LIST).exists()):
                break
        argv = (str(self.tools["pg_restore"]), "--list", f"--file={trial / LIST}", str(trial))
        env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        ended = self._run(Command(key, argv, trial.parent, env, _LIST_SECONDS), lambda _offset, _text: None)
        self._check_ended("pg_restore --list", ended)
        lines = (trial / LIST).read_text("utf-8", errors="replace").splitlines()
        return [line for line in lines if re.match(r"\d+;", line)]

    def _check_ended(self, program: str, ended: Ended) -> None:
        if ended.timed_out:
            raise TimedOut(
                f"{program} of {self.order.environment} came to no end within {self.order.timeout_seconds:g} s",
                state=self.order.untouched,
                remedy="allow it more time, or see what it waits for (pg_stat_activity)",
            )
        if ended.exit_code == 0:
            return
        said = " / ".join(ended.output.strip().splitlines()[-6:]) or "(it says nothing)"
        if "No space left on device" in said:
            said += f" — {self._space()}"
        if "row-level security" in said:
            raise self._wrong(f"{program} may not see all rows: {said}", "give the migration role BYPASSRLS")
        raise self._wrong(f"{program} ended with exit code {ended.exit_code}: {said}", "correct that and try again")

    def _wrong(self, what: str, remedy: str) -> Unavailable:
        return Unavailable(f"no backup of {self.order.environment}: {what}", state=self.order.untouched, remedy=remedy)

    def _check_space(self) -> None:
        need = connection.size_bytes(self.url)
        if shutil.disk_usage(self.order.destination.parent).free < need:
            raise self._wrong(self._space(), "make space there, or keep backups on another disk")

    def _space(self) -> str:
        folder = self.order.destination.parent
        free, need = shutil.disk_usage(folder).free, connection.size_bytes(self.url)
        return f"{free / 1e6:,.1f} MB are free in {folder}, and the database takes up {need / 1e6:,.1f} MB"

    @staticmethod
    def _started_at(trial: Path) -> datetime:
        """By the oldest file, which tells it also of a dump that a predecessor began."""
        return datetime.fromtimestamp(min(path.stat().st_ctime for path in trial.iterdir()), UTC)


class _Counter:
    """Offsets that go on from one try to the next, as if all were one output."""

    def __init__(self, on_output: OnOutput, base: int) -> None:
        self._on_output = on_output
        self._base = base
        self.shown = base

    def __call__(self, offset: int, text: str) -> None:
        self.shown = max(self.shown, self._base + offset + len(text.encode()))
        self._on_output(self._base + offset, text)


def _remove_trials(order: Order) -> None:
    """What killed tries left. None of them is running: their commands hold the environment's lock."""
    trial = re.compile(re.escape(f".{order.destination.name}.") + r"[0-9a-f]{12}\.\d+")
    for path in order.destination.parent.iterdir():
        if trial.fullmatch(path.name):
            shutil.rmtree(path)
