"""The only place that builds adapters out of a configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from goaround.adapters.artifacts import ArtifactStore
from goaround.adapters.clock import SystemClock
from goaround.adapters.commands import ShimCommands
from goaround.adapters.filelocks import FileLocks
from goaround.adapters.git import GitRepository
from goaround.adapters.haproxy import HAProxy, preflight
from goaround.adapters.http import PlainHttp
from goaround.adapters.postgres.binaries import server_programs
from goaround.adapters.postgres.embedded import EmbeddedPostgres
from goaround.adapters.postgres.external import ExternalPostgres
from goaround.adapters.processes import SupervisedProcesses
from goaround.adapters.secrets import Secrets
from goaround.adapters.sqlite_journal import SqliteJournal
from goaround.adapters.ssh_keys import SshKeys
from goaround.config.load import parse_config
from goaround.config.models import Config
from goaround.config.references import is_reference
from goaround.domain.environments import ENVIRONMENTS
from goaround.domain.errors import ConfigurationError
from goaround.domain.journal import State
from goaround.domain.release import Environment, Step
from goaround.engine.clock import AttentiveClock
from goaround.engine.loop import Engine, Observer
from goaround.engine.states import States
from goaround.ports import SLOTS, Database
from goaround.steps.context import Context, Neighbours

FOLDER = ".goaround"
NO_HOLD_SECONDS = 10.0
"""The front door's limit where no hold is configured: a rollback of a failed migration may still hold."""


def read_config(path: Path) -> tuple[Config, str]:
    """The configuration and its text. Raises ``ConfigurationError`` with every mistake."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigurationError(
            (f"{path}:1:1: cannot be read: {reason} — run goaround beside it, or use -C",)
        ) from error
    return parse_config(text, path.name), text


@dataclass
class House:
    """Everything of one service on this machine, beside its ``goaround.toml``."""

    project: Path
    say: Callable[[str], None] = lambda _sentence: None
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def folder(self) -> Path:
        return self.project / FOLDER

    @cached_property
    def journal(self) -> SqliteJournal:
        return SqliteJournal(self.folder / "journal.sqlite3")

    @cached_property
    def states(self) -> States:
        return States(self.journal)

    @cached_property
    def clock(self) -> AttentiveClock:
        return AttentiveClock(SystemClock(on_beat=lambda: self.locks.beat()))

    @cached_property
    def locks(self) -> FileLocks:
        return FileLocks(self.folder / "locks", self.clock.wait, self.say)

    @cached_property
    def commands(self) -> ShimCommands:
        return ShimCommands(self.folder / "commands", self.clock.wait, self.locks.inherited_fds)

    @cached_property
    def repository(self) -> GitRepository:
        return GitRepository(self.project, self.clock.wait)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        return ArtifactStore(self.folder / "artifacts", self.repository.archive)

    @cached_property
    def secrets(self) -> Secrets:
        return Secrets(self.environ, cwd=self.project)

    @cached_property
    def signatures(self) -> SshKeys:
        return SshKeys(self.folder / "keys" / "controller", self.environ)

    @cached_property
    def http(self) -> PlainHttp:
        return PlainHttp()

    def runtime(self, environment: str) -> SupervisedProcesses:
        return SupervisedProcesses(self.folder / "environments" / environment / "processes", self.clock.wait)

    def neighbours(self, config: Config, environment: Environment) -> Neighbours:
        settings = config.environments[environment]
        folder = self.folder / "environments" / environment
        runtime = self.runtime(environment)
        proxy = HAProxy(
            folder=folder / "front-door",
            environment=environment,
            listen=f"{settings.listen.host}:{settings.listen.port}",
            slot_ports=dict(zip(SLOTS, settings.slot_ports, strict=True)),
            health_path=config.run.health,
            hold_limit_seconds=config.hold.limit_seconds if config.hold else NO_HOLD_SECONDS,
            runtime=runtime,
            log=runtime.log_path(f"{environment}-front-door"),
            wait=self.clock.wait,
        )

        @cache
        def values() -> Mapping[str, str]:
            return {name: self._value(text) for name, text in settings.env.items()}

        def secrets() -> tuple[str, ...]:
            return tuple(values()[name] for name, text in settings.env.items() if is_reference(text))

        database = self._database(config, environment, folder)
        return Neighbours(proxy, runtime, database, cache(database.ensure), values, secrets, self.artifacts)

    def context(self, state: State, step: Step, attempt: int) -> Context:
        """What a step of this release is given: by the configuration that the release was opened with."""
        config = parse_config(str(state.opened.config["toml"]), "goaround.toml")
        around: dict[Environment, Neighbours] = {
            environment: self.neighbours(config, environment) for environment in ("staging", "production")
        }
        return Context(
            state=state,
            step=step,
            attempt=attempt,
            config=config,
            around=around,
            clock=self.clock,
            commands=self.commands,
            repository=self.repository,
            tags=self.repository,
            http=self.http,
            signatures=self.signatures,
            journal=self.journal,
            states=lambda: self.states.refresh().all(),
            head=lambda: self.states.refresh().head,
            folder=self.folder,
            environ=self.environ,
            resolve=self._value,
        )

    def engine(self, observer: Observer) -> Engine:
        return Engine(self.journal, self.states, self.locks, self.clock, self.signatures, self.context, observer)

    def haproxy(self) -> str:
        """Where HAProxy is. Raises ``Unavailable`` if it is not installed."""
        return preflight.binary()

    def database_report(self, config: Config, environment: Environment) -> str:
        """How the database is, without starting any. Raises ``Unavailable``."""
        if config.environments[environment].database == "embedded":
            return f"embedded, PostgreSQL {server_programs().major}; a release starts it"
        database = self._database(config, environment, self.folder)
        database.ensure()
        return f"answers; {database.size_bytes() / 1e6:.1f} MB"

    def shut_down(self, config: Config) -> None:
        """Stop everything that goaround runs for the service on this machine: slots, front doors, databases."""
        for environment in ENVIRONMENTS:
            folder = self.folder / "environments" / environment
            runtime = self.runtime(environment)
            for name in (f"{environment}-front-door", *SLOTS):
                runtime.stop(name)
            database = self._database(config, environment, folder)
            if isinstance(database, EmbeddedPostgres):
                database.stop()

    def _database(self, config: Config, environment: Environment, folder: Path) -> Database:
        settings = config.environments[environment]
        if settings.database == "embedded":
            return EmbeddedPostgres(folder / "postgres", environment, config.service)
        service = self._value(settings.database)
        migration = self._value(settings.migration_database) if settings.migration_database else service
        return ExternalPostgres(environment, service, migration)

    def _value(self, text: str) -> str:
        return self.secrets.resolve(text) if is_reference(text) else text
