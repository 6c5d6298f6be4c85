"""The nouns: a release, the terms it is released under, and the plan made of steps. Frozen values, no behaviour
beyond looking things up in themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Literal

from goaround.domain.calendar import Calendar
from goaround.domain.gates import TriggerLimits, WatchLimits

Environment = Literal["staging", "production"]
WayBack = Literal["keep", "down"]
Json = Any
"""A JSON value: what ``json.loads`` gives."""


class Outcome(StrEnum):
    """How a release ends; there is no other way."""

    RELEASED = "released"
    ROLLED_BACK = "rolled_back"  # production had been touched and is back on the version before
    FAILED = "failed"  # stopped before production was touched
    REFUSED = "refused"  # a person refused to sign; production was not touched
    ABORTED = "aborted"  # a person aborted; production was not touched


class Phase(StrEnum):
    """The phases of the strategy, in its order."""

    PREFLIGHT = "preflight"
    STAGING = "staging"
    VALIDATE = "validate"
    SIGN_OFF = "sign off"
    PRODUCTION = "production"
    WATCH = "watch"
    PRODUCTION_SIGN_OFF = "production sign off"
    COMPLETE = "complete"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class FeatureUnit:
    """A part of a release that people plan, build and test as one. ``tests`` are paths in the repository."""

    id: str
    name: str
    priority: Literal["P0", "P1", "P2"]
    status: Literal["planned", "in_progress", "completed"] = "planned"
    depends_on: tuple[str, ...] = ()
    """Ids of other units of the same release."""
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """One attempt to bring one version from a checklist to production, or (``kind`` rollback) back from there."""

    id: str
    """``v1.0.0``, or ``v1.0.0.2`` for a second attempt, or ``v1.0.0.back`` for a rollback after completion."""
    version: str
    attempt: int
    commit: str
    subject: str
    previous: str | None
    """The version that production serves now; None: the first release of this service."""
    migrations: tuple[str, ...] = ()
    """Migration files that the version before did not have."""
    old_version_works: bool = False
    """Declared: the previous version serves correctly on the new schema."""
    way_back: WayBack = "keep"
    """Declared: what a rollback does with the schema."""
    kind: Literal["release", "rollback"] = "release"
    of: str | None = None
    """For a rollback after completion: the release that it takes back."""
    environments: tuple[Environment, ...] = ("staging", "production")
    author: str = ""
    """Who wrote the commit, as ``Name <address>``."""
    name: str = ""
    """What people call it."""
    owner: str = ""
    """Who looks after this release; who may sign it stands in ``Terms``."""
    target_date: date | None = None
    units: tuple[FeatureUnit, ...] = ()

    @property
    def migrates(self) -> bool:
        return bool(self.migrations)


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    id: str
    ask: str


@dataclass(frozen=True, slots=True)
class Role:
    """So many of these people have to sign, each for this role."""

    name: str
    people: tuple[str, ...]
    count: int = 1


@dataclass(frozen=True, slots=True)
class Terms:
    """The part of the configuration that the plan depends on. All durations are seconds."""

    service: str
    owner: str
    signers: Mapping[str, tuple[str, ...]]
    """Environment → who may sign. Without ``roles`` each of them alone suffices."""
    watch: WatchLimits
    triggers: TriggerLimits
    checklist: tuple[ChecklistItem, ...] = ()
    can_go_down: bool = False
    """Down migrations are configured."""
    hold_seconds: float | None = None
    """How long a request may wait at the front door; None: no hold is configured."""
    integration: bool = False
    smoke: bool = False
    announce: bool = False
    alert: bool = False
    build_seconds: float = 300
    migrate_seconds: float = 900
    start_seconds: float = 30
    drain_seconds: float = 30
    test_seconds: float = 600
    backup_seconds: float = 3600
    rollback_target_seconds: float = 900
    calendar: Calendar = field(default_factory=Calendar)
    """When production may change."""
    maintenance: tuple[str, ...] = ()
    """The windows of a release that lets requests wait; none: those of every release."""
    staging_seconds: float = 7200
    """How long staging is expected to take, sign-off not counted."""
    production_seconds: float = 3600
    roles: Mapping[str, tuple[Role, ...]] = field(default_factory=dict)
    """Environment → the roles that have to sign, all of them."""
    own_release: bool = True
    """Whether who asked for the release or wrote its commit may be the only one to sign it."""
    sign_off_seconds: float | None = None
    """How long a signature counts; None: until something changes."""
    proven: bool = False
    """Signatures are made with keys and verified; otherwise names are believed as they are said."""
    push: str = ""
    """The remote that tags are pushed to at the end; empty: they stay in this repository."""
    builds_twice: bool = False
    """The build is done a second time and compared."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a plan. ``kind`` names the file in ``steps/`` that knows how; ``params`` are all it is told."""

    key: str
    """``<release>/<environment>/<step>``; never changes, and every effect of the step is found by it."""
    phase: Phase
    environment: Environment
    kind: str
    says: str
    timeout_seconds: float = 60
    tries: int = 1
    """More than one only where running it again can do no harm."""
    interruptible: bool = True
    """False: once begun it is brought to its end before an abort is heeded."""
    params: Mapping[str, Json] = field(default_factory=dict)
    optional: bool = False
    """A failure, once the tries are used up, is told and takes nothing back: the plan goes on."""

    @property
    def name(self) -> str:
        return self.key.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Plan:
    steps: tuple[Step, ...]
