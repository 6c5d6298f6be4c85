"""What every kind of step is given: the state, its own step, and the neighbours of its environment.

A kind of step is a module with two functions:

``observe(ctx) -> Report | None``
    Looks whether the effect of the step is there, by the step's key, and reports what was found; None: not there
    yet. It changes nothing. A check that finds things wrong raises.
``act(ctx) -> None``
    Has the effect. It may be begun again after a crash at any point of it.

The engine observes, acts if need be, and observes again for the report: running a step twice equals running it once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from goaround.config.models import Config
from goaround.config.placeholders import fill
from goaround.domain.environments import serving
from goaround.domain.errors import GoaroundError, TimedOut, UnknownOutcome
from goaround.domain.events import Cause
from goaround.domain.journal import State
from goaround.domain.release import Environment, Json, Release, Step
from goaround.ports import (
    Artifacts,
    Clock,
    Command,
    Commands,
    Database,
    DatabaseUrls,
    Ended,
    Http,
    Journal,
    Proxy,
    Repository,
    Runtime,
    Signatures,
    Tags,
)

Kind = ModuleType
CUT_OFF_RUNS = 3
"""A command that is ended from outside so often without a record is not begun again."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a step found: a sentence for people, and facts for whoever checks."""

    says: str
    facts: Mapping[str, Json] = field(default_factory=dict)


class GateFailed(GoaroundError):
    """A gate says no, or could not tell. ``cause`` tells a trigger from a plain no."""

    exit_code = 4

    def __init__(
        self, what: str, *, state: str, remedy: str, cause: Cause = "gate", facts: Mapping[str, Json] | None = None
    ) -> None:
        super().__init__(what, state=state, remedy=remedy)
        self.cause: Cause = cause
        self.facts = facts or {}


class Interrupted(Exception):  # not an error: a person's word reached a step under way
    """An abort, refusal or rollback was asked for while an interruptible step was under way."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The ports of one environment. ``values`` are its declared variables with their secrets resolved, ``urls`` those
    of its database, which was seen to answer."""

    proxy: Proxy
    runtime: Runtime
    database: Database
    urls: Callable[[], DatabaseUrls]
    values: Callable[[], Mapping[str, str]]
    secrets: Callable[[], tuple[str, ...]]
    artifacts: Artifacts


@dataclass(frozen=True, slots=True)
class Context:
    """One attempt at one step."""

    state: State
    step: Step
    attempt: int
    config: Config
    around: Mapping[Environment, Neighbours]
    clock: Clock
    commands: Commands
    repository: Repository
    tags: Tags
    http: Http
    signatures: Signatures
    journal: Journal
    states: Callable[[], Mapping[str, State]]
    head: Callable[[], tuple[int, str]]
    """The journal's last number and its digest, which vouches for all before it."""
    folder: Path
    """Where this service keeps everything: ``.goaround``."""
    environ: Mapping[str, str]
    """The controller's own environment, of which commands get PATH and what is declared."""
    resolve: Callable[[str], str]
    """Text behind a reference to a secret."""

    @property
    def release(self) -> Release:
        return self.state.release

    @property
    def here(self) -> Neighbours:
        return self.around[self.step.environment]

    @property
    def environment(self) -> Environment:
        return self.step.environment

    @property
    def work(self) -> Path:
        """A folder for this attempt alone; it may hold what a crashed run of it left."""
        return self.folder / "work" / self.step.key / str(self.attempt)

    def found(self, name: str, environment: Environment | None = None) -> Mapping[str, Json]:
        """What an earlier step found; for a rollback after completion also what its release found."""
        where = environment or self.step.environment
        own = self.state.evidence(where, name)
        origin = self.states().get(self.release.of) if self.release.of else None
        return own or (origin.evidence(where, name) if origin else {})

    def deployed(self, which: str) -> Mapping[str, Any] | None:
        """``new``: what this release placed; ``old``: what served before it; each as
        ``{version, release, slot, artifact, commit}``, or None."""
        placed = self.found("deploy")
        if which == "new":
            new: Mapping[str, Any] | None = placed.get("new")
            return new
        if placed:
            old: Mapping[str, Any] | None = placed["old"]
            return old
        now = serving(self.states().values(), self.step.environment)
        return {key: getattr(now, key) for key in ("version", "release", "slot", "artifact", "commit")} if now else None

    def _command_key(self, name: str, number: int) -> str:
        again = f".{number}" if number else ""
        return f"{self.step.key}{'/' + name if name else ''}#{self.attempt}{again}"

    def run(
        self,
        argv: tuple[str, ...],
        *,
        cwd: Path,
        env: Mapping[str, str],
        name: str = "",
        variables: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        seconds: float | None = None,
        fresh: bool = False,
    ) -> Ended:
        """Run a command of this attempt to one complete end.

        A run that was cut off without a record is begun again under the next number; one that ended is not, unless
        ``fresh`` (for commands that only look).
        """
        runs = 0
        for number in itertools.count():
            key = self._command_key(name, number)
            before = self._ended(key)
            if before is not None and (fresh or before.exit_code is None):
                continue
            filled = fill(argv, variables or {})
            command = Command(key, filled, cwd, env, seconds or self.step.timeout_seconds, secrets)
            try:
                ended = self.commands.run(command, partial(self.journal.write_output, key))
            except (Interrupted, TimedOut):
                self.commands.end(key)
                raise
            runs += 1
            if ended.exit_code is not None or ended.timed_out:
                return ended
            if runs == CUT_OFF_RUNS:
                break
        raise UnknownOutcome(
            f"{argv[0]} of {self.step.key} was cut off {runs} times, and nobody can tell how it ended",
            state="it may have had its effect or not",
            remedy="find out what ends it (memory?), look at its effect",
        )

    def ran(self, name: str = "") -> Ended | None:
        """How the command of this attempt ended; None if it has no complete run yet."""
        for number in itertools.count():
            ended = self._ended(self._command_key(name, number))
            if ended is None or ended.exit_code is not None:
                return ended
        raise AssertionError("unreachable")

    def _ended(self, key: str) -> Ended | None:
        """How it ended, with whatever it printed after the controller that started it was killed."""
        return self.commands.ended(key, partial(self.journal.write_output, key))

    def wait_until(self, true: Callable[[], bool], *, seconds: float, every: float = 0.1) -> bool:
        """Wait for a condition; False if it did not come true in time."""
        deadline = self.clock.now().timestamp() + seconds
        while not true():
            if self.clock.now().timestamp() >= deadline:
                return False
            self.clock.wait(every)
        return True

    def base_environment(self) -> dict[str, str]:
        """What every command and process gets besides what is declared."""
        return {"PATH": self.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8"}

    def migration_environment(self) -> dict[str, str]:
        """For the service's own migration commands: the owner's URL and the time limits, for libpq and by name."""
        limits = self.config.migrations
        assert limits is not None
        urls = self.here.urls()
        lock, statement = (
            f"{value * 1000:.0f}ms" for value in (limits.lock_timeout_seconds, limits.statement_timeout_seconds)
        )
        return {
            **self.base_environment(),
            **self.here.values(),
            "DATABASE_URL": urls.migration,
            "MIGRATION_DATABASE_URL": urls.migration,
            "APP_ROLE": urls.service_role,
            "LOCK_TIMEOUT": lock,
            "STATEMENT_TIMEOUT": statement,
            # The last: a server goes on with a statement of a client that was ended, and would commit it later.
            "PGOPTIONS": f"-c lock_timeout={lock} -c statement_timeout={statement} "
            "-c client_connection_check_interval=500",
        }

    def schema(self, artifact: Path) -> str:
        """The schema version, by the service's own ``current`` command. Raises ``UnknownOutcome`` if it cannot say."""
        migrations = self.config.migrations
        assert migrations is not None
        urls = self.here.urls()
        ended = self.run(
            migrations.current,
            cwd=artifact,
            env=self.migration_environment(),
            name="current",
            secrets=(*self.here.secrets(), *urls.secrets),
            seconds=60,
            fresh=True,
        )
        if ended.exit_code != 0 or not ended.output.strip():
            raise UnknownOutcome(
                f"the schema version of {self.environment} could not be read: {tail(ended.output)}",
                state="nothing was changed by looking",
                remedy="check that the database answers: goaround doctor",
            )
        return ended.output.strip().splitlines()[-1]


def spelled(head: tuple[int, str]) -> str:
    """A head as ``goaround audit verify --head`` takes it."""
    return f"{head[0]}:{head[1]}"


def tail(output: str, lines: int = 8) -> str:
    """The last lines of some output, for an error message."""
    return "\n".join(output.strip().splitlines()[-lines:]) or "(no output)"


def insist(ended: Ended, what: str, *, state: str, remedy: str, cause: Cause = "gate") -> None:
    """Raise unless the command ended well."""
    if ended.timed_out:
        raise TimedOut(f"{what} did not end within its time-out ({ended.seconds:.0f} s)", state=state, remedy=remedy)
    if ended.exit_code != 0:
        raise GateFailed(
            f"{what} failed with exit code {ended.exit_code}: {tail(ended.output)}",
            state=state,
            remedy=remedy,
            cause=cause,
            facts={"exit_code": ended.exit_code},
        )
