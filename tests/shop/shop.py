"""A shop on this machine: its repository, its releases, and what runs of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from tests.shop.people import OWNER, say_yes
from tests.shop.terms import Terms
from tests.shop.traffic import Traffic
from tests.shop.versions import Version

from goaround.adapters.postgres.embedded import EmbeddedPostgres
from goaround.config.models import Config
from goaround.domain.decisions import Finish, Halt, decide
from goaround.domain.environments import ENVIRONMENTS
from goaround.domain.journal import State
from goaround.domain.release import Environment
from goaround.outliving import processid
from goaround.wiring import House, read_config

CALLED_FOR = 5
"""The exit code of a release that waits for a person."""


@dataclass
class Shop:
    folder: Path
    terms: Terms
    versions: Mapping[str, Version]

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def environ(self) -> dict[str, str]:
        """What its controllers are given."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(self.folder), "GOAROUND_BY": OWNER, "LANG": "C.UTF-8"}

    @cached_property
    def house(self) -> House:
        return House(self.project, environ=self.environ)

    @property
    def config(self) -> Config:
        return read_config(self.project / "goaround.toml")[0]

    # --- releasing --------------------------------------------------------------------------------

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A controller of its own, or whatever else the command line can do."""
        return subprocess.Popen(
            [sys.executable, "-m", "goaround", "-C", str(self.project), *arguments],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def goaround(self, *arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end."""
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def release_fully(self, version: str, *, traffic: bool = True) -> int:
        """Release it, with every question answered and every sign-off given; the last exit code.

        A watch needs requests to judge, so visitors come meanwhile, unless there are some already (``traffic`` False).
        """
        if traffic:
            with self.traffic().flowing():
                return self.release_fully(version, traffic=False)
        done = self.goaround("release", version, "--ref", f"release/{version}", "--no-wait")
        while done.returncode == CALLED_FOR:
            say_yes(self.house, self.state(version))
            done = self.goaround("resume", "--no-wait")
        return done.returncode

    def state(self, release: str) -> State:
        """The newest state of a release, by its id."""
        state = self.house.states.refresh().of(release)
        assert state is not None, f"there is no {release}"
        return state

    def stands_still(self, release: str) -> bool:
        """Whether nothing more happens to the release: it has ended, or its rollback halted."""
        state = self.state(release)
        return state.closed is not None or isinstance(decide(state, self.house.clock.now()), Halt | Finish)

    def status(self) -> Any:
        """What ``goaround status --json`` says."""
        done = self.goaround("status", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def traffic(self) -> Traffic:
        """Visitors of production."""
        return Traffic(self.terms.production_port)

    # --- looking ----------------------------------------------------------------------------------

    def query(self, environment: Environment, statement: str) -> list[tuple[Any, ...]]:
        """Ask a database, as the owner of its tables."""
        url = self.house.neighbours(self.config, environment).database.ensure().migration
        with psycopg.connect(url, autocommit=True) as database:
            cursor = database.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def migration_log(self, environment: Environment) -> list[tuple[str, str]]:
        """``(migration, up or down)`` in the order in which they took effect."""
        return [
            (str(name), str(direction))
            for name, direction in self.query(environment, "SELECT name, direction FROM migration_log ORDER BY id")
        ]

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.project, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    @property
    def told(self) -> list[str]:
        """The keys of all notices that arrived."""
        return self.terms.told.read_text().split() if self.terms.told.exists() else []

    def running(self) -> Iterator[tuple[processid.Identity, str]]:
        """Every process that has to do with this shop, and its command line."""
        mark = os.fsencode(self.folder)
        for pid in processid.pids():
            who = processid.identity(pid)
            if who is None or pid == os.getpid():
                continue
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes()
                place = os.fsencode(os.readlink(f"/proc/{pid}/cwd"))  # noqa: PTH115 (it may not exist any more)
                variables = Path(f"/proc/{pid}/environ").read_bytes()
            except OSError:
                continue
            if any(mark in text for text in (words, place, variables)):
                yield who, words.replace(b"\0", b" ").decode(errors="replace")

    # --- ending -----------------------------------------------------------------------------------

    def stop_everything(self) -> None:
        """Stop slots, front doors and databases in order, as a person would before switching the machine off."""
        self.house.shut_down(self.config)

    def end(self) -> None:
        """Leave nothing behind, whatever state things are in."""
        lock_files = (self.project / ".goaround" / "locks").glob("*.lock")
        for holder in {who for path in lock_files for who in processid.lock_holders(str(path))}:
            if holder.pid != os.getpid():
                processid.send(holder, signal.SIGKILL)
        try:
            self.stop_everything()
        finally:
            for who, _ in self.running():
                processid.send(who, signal.SIGKILL)
            for environment in ENVIRONMENTS:
                folder = self.house.folder / "environments" / environment / "postgres"
                EmbeddedPostgres(folder, environment, "shop").destroy()
            self.house.journal.close()
