"""``goaround.toml`` as frozen values. Durations are seconds, limits are ``Limit``; secrets stay references."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, Strict, field_validator, model_validator

from goaround.config.fields import (
    Command,
    DatabaseSource,
    DaysAfterStaging,
    DownCommand,
    EnvName,
    EnvNames,
    EnvValue,
    HealthPath,
    Listen,
    ListenAddress,
    Name,
    People,
    Person,
    ProbeCommand,
    Reference,
    Remote,
    RunCommand,
    Seconds,
    SecondsAbove,
    SecondsBelow,
    SecondsOrNone,
    ShareAbove,
    ShareBelow,
    SlotPorts,
    Strategy,
    Table,
    TimeZone,
    Windows,
    matching,
)
from goaround.config.references import is_reference
from goaround.domain.gates import Limit

Count = Annotated[int, Field(ge=1)]


class Build(Table):
    """How an exported commit becomes an artifact. No command: the export is the artifact."""

    command: Command = ()
    timeout_seconds: Seconds = Field(default=300.0, alias="timeout")
    inherit_env: EnvNames = ()
    check_reproducible: bool = False
    require_reproducible: bool = False

    @property
    def twice(self) -> bool:
        """Whether a second build is made and compared: what is required is checked."""
        return self.check_reproducible or self.require_reproducible


class Tags(Table):
    """Tags are given in this repository; ``push`` is the remote that gets them too, at the end."""

    push: Remote = ""


class Migrations(Table):
    """The service's own commands. No ``down``: the schema can only be kept."""

    files: Annotated[str, matching(r"(?!/)(?!(.*/)?\.\.(/|$)).+", "a pattern within the repository, no / first, no ..")]
    up: Command
    down: DownCommand = ()
    current: Command
    lock_timeout_seconds: Seconds = Field(default=2.0, alias="lock_timeout")
    statement_timeout_seconds: Seconds = Field(default=60.0, alias="statement_timeout")
    timeout_seconds: Seconds = Field(default=900.0, alias="timeout")


class Run(Table):
    """The service as a process."""

    command: RunCommand
    health: HealthPath = "/health"
    start_timeout_seconds: Seconds = Field(default=30.0, alias="start_timeout")
    drain_seconds: SecondsOrNone = Field(default=30.0, alias="drain")
    stop_grace_seconds: SecondsOrNone = Field(default=10.0, alias="stop_grace")


class ChecklistItem(Table):
    """One thing that a person looks at and answers for."""

    id: Annotated[str, matching(r"[a-z0-9][a-z0-9-]{0,62}", "a short name of a-z, 0-9 and -")]
    ask: Annotated[str, matching(r"(?s)\s*\S.*", "the question to a person, not empty")]


class Validation(Table):
    """What is run and asked before a sign-off; an empty command is no step."""

    integration: ProbeCommand = ()
    smoke: ProbeCommand = ()
    timeout_seconds: Seconds = Field(default=600.0, alias="timeout")
    checklist: Annotated[tuple[ChecklistItem, ...], Strict(False)] = ()


class Notice(Table):
    """One way to tell somebody: exactly one of the two is set. ``webhook`` is a reference or an http(s) URL."""

    command: Command = ()
    webhook: str = ""

    @field_validator("webhook")
    @classmethod
    def _reachable(cls, value: str) -> str:
        if not is_reference(value) and not value.startswith(("http://", "https://")):
            raise ValueError("no reference and no http(s) URL — write env:NAME, file:/path, cmd:... or a URL")
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> Notice:
        if bool(self.command) == bool(self.webhook):
            raise ValueError("a notice is either a command or a webhook — set exactly one of the two")
        return self


Notices = Annotated[tuple[Notice, ...], Strict(False)]


class Notify(Table):
    """Who is told what: ``announce`` before a production deployment, ``alert`` when something is wrong."""

    announce: Notices = ()
    alert: Notices = ()


class Hold(Table):
    """Requests may wait at the front door for so long while the schema changes."""

    limit_seconds: Seconds = Field(default=10.0, alias="limit")


class Watch(Table):
    """What production has to show after a deployment; the defaults are those of the strategy document."""

    for_seconds: Seconds = Field(default=3600.0, alias="for")
    errors: ShareBelow = Limit("<", 0.01, "ratio")
    p95: SecondsBelow = Limit("<", 5.0, "seconds")
    minimum_requests: Count = 20
    extend_seconds: SecondsOrNone = Field(default=3600.0, alias="extend")
    after_rollback_seconds: Seconds = Field(default=1800.0, alias="after_rollback")


class Triggers(Table):
    """When production goes back by itself; the defaults are those of the strategy document."""

    errors: ShareAbove = Limit(">", 0.1, "ratio")
    p95: SecondsAbove = Limit(">", 10.0, "seconds", 300.0)
    window_seconds: Seconds = Field(default=60.0, alias="window")
    minimum_requests: Count = 20


def _ports_after(data: dict[str, Any]) -> tuple[int, int]:
    listen: Listen = data.get("listen", Listen("", 0))
    return listen.port + 1, listen.port + 2


class SignOffRole(Table):
    """So many of these people have to sign, each for this role."""

    role: Name
    people: Annotated[People, Field(min_length=1)]
    count: Count = 1

    @model_validator(mode="after")
    def _enough_people(self) -> SignOffRole:
        if self.count > len(set(self.people)):
            raise ValueError(f"{self.count} of {len(set(self.people))} people can never sign — name more, or fewer")
        return self


class SignOff(Table):
    """How people sign. Without ``allowed_signers`` names are believed as they are said."""

    allowed_signers: Annotated[str, matching(r"(?!/)(?!(.*/)?\.\.(/|$)).+", "a path within the repository")] = ""
    own_release: bool = True
    expires_seconds: Seconds | None = Field(default=None, alias="expires")


class Environment(Table):
    """One environment. ``env`` values are literals, taken as written, or references."""

    listen: ListenAddress
    slot_ports: SlotPorts = Field(default_factory=_ports_after)
    database: DatabaseSource = "embedded"
    migration_database: Reference | None = None
    signers: Annotated[People, Field(min_length=1)]
    sign_off: Annotated[tuple[SignOffRole, ...], Strict(False)] = ()
    """The roles that have to sign, all of them; none: one of ``signers`` suffices."""
    env: Mapping[EnvName, EnvValue] = Field(default_factory=dict)
    required_env: EnvNames = ()

    @property
    def base_url(self) -> str:
        """How checks reach the front door."""
        return self.listen.base_url


class Staging(Environment):
    """Where every release goes first."""


class FreezePeriod(Table):
    """Whole days, both included, on which nothing goes to production, and why."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    reason: Annotated[str, matching(r"\S(.*\S)?", "why, in a few words")]

    @model_validator(mode="after")
    def _in_order(self) -> FreezePeriod:
        if self.last < self.first:
            raise ValueError(f"it ends on {self.last}, before it begins — change from or to")
        return self


class Production(Environment):
    """Where users are. Times are those of the clocks in ``timezone``."""

    windows: Windows = ()
    maintenance: Windows = ()
    """For releases that let requests wait; none: the windows of every release."""
    freezes: Annotated[tuple[FreezePeriod, ...], Strict(False)] = ()

    watch: Watch = Field(default_factory=Watch)
    triggers: Triggers = Field(default_factory=Triggers)


class Environments(Table):
    """Both are needed: every release goes to staging first."""

    staging: Staging
    production: Production

    def __getitem__(self, name: Literal["staging", "production"]) -> Staging | Production:
        return self.staging if name == "staging" else self.production


class Timeline(Table):
    """The strategy's timeline. ``production_not_before`` is a gate; the others are what is expected, and compared."""

    production_not_before_days: DaysAfterStaging = Field(default=0, alias="production_not_before")
    staging_seconds: Seconds = Field(default=7200.0, alias="staging")
    production_seconds: Seconds = Field(default=3600.0, alias="production")


class Rollback(Table):
    """The target from decision to restored service; a rollback reports its time against it."""

    target_seconds: Seconds = Field(default=900.0, alias="target")


class Config(Table):
    """A service, how it is built, run, checked and watched, and the two environments it lives in."""

    service: Name
    strategy: Strategy = "staging_first"
    owner: Person
    build: Build = Field(default_factory=Build)
    migrations: Migrations | None = None
    run: Run
    validation: Validation = Field(default_factory=Validation, alias="validate")
    notify: Notify = Field(default_factory=Notify)
    hold: Hold | None = None
    environments: Environments
    rollback: Rollback = Field(default_factory=Rollback)
    sign_off: SignOff = Field(default_factory=SignOff)
    timezone: TimeZone = "UTC"
    timeline: Timeline = Field(default_factory=Timeline)
    tags: Tags = Field(default_factory=Tags)

    @model_validator(mode="before")
    @classmethod
    def _owner_signs(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Unless others are named, the owner is the only signer."""
        owner = data.get("owner")
        # Without an owner the configuration is refused anyhow: do not complain of the signers as well.
        signers = [owner if isinstance(owner, str) and owner.strip() else "owner"]
        match data.get("environments"):
            case dict(environments):
                named = {
                    name: {"signers": signers, **table} if isinstance(table, dict) else table
                    for name, table in environments.items()
                }
                return {**data, "environments": named}
        return data

    @property
    def digest(self) -> str:
        """``sha256:…`` of what the configuration means: formatting, comments and written-out defaults do not
        change it. Secrets are not in it, only where they come from."""
        canonical = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True, separators=(",", ":"))
        return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
