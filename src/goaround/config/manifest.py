"""``releases/<version>/manifest.toml``: what is particular to one release."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, Strict, model_validator

from goaround.config.fields import Table, matching
from goaround.domain.release import FeatureUnit

_NUMBER = r"(0|[1-9]\d*)"
# ``-staging`` is taken: ``v1.0.0-staging`` is the tag of v1.0.0 in staging.
_VERSION = rf"v{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-(?!staging)[0-9A-Za-z]+([.-][0-9A-Za-z]+)*)?"
Version = Annotated[str, matching(_VERSION, "a version such as v1.0.0 or v1.0.0-rc.1 (-staging… is taken by tags)")]


def is_version(text: str) -> bool:
    """Whether this names a version."""
    return re.fullmatch(_VERSION, text, re.ASCII) is not None


Words = Annotated[str, matching(r"(?!\s)[^\x00-\x1f\x7f]+(?<!\s)", "a few words in one line, not empty")]
Prose = Annotated[str, matching(r"(?s)\s*\S.*", "some words, not empty")]
Id = Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "a short name of letters, digits, ., _ and -")]
TestPath = Annotated[str, matching(r"(?!/)(?!(.*/)?\.\.(/|$))\S.*", "a path within the repository, no / first, no ..")]
Level = Literal["low", "medium", "high"]


def _rollback_by_default(data: dict[str, Any]) -> str:
    return "keep" if data.get("old_version_works") else "down"


class ReleaseMigrations(Table):
    """What is declared of this release's migrations, until a rehearsal proves it."""

    old_version_works: bool = False
    """Whether the previous version works on the new schema."""
    rollback: Literal["keep", "down"] = Field(default_factory=_rollback_by_default, validate_default=True)

    @model_validator(mode="after")
    def _kept_schema_must_suit(self) -> ReleaseMigrations:
        if self.rollback == "keep" and not self.old_version_works:
            raise ValueError(
                "a schema that the old version does not work on cannot be kept"
                ' — write rollback = "down", or old_version_works = true if it does'
            )
        return self


class Feature(Table):
    """A feature unit: planned, built and tested as one."""

    id: Id
    name: Words
    priority: Literal["P0", "P1", "P2"]
    """The release does not go without its P0 units."""
    status: Literal["planned", "in_progress", "completed"] = "planned"
    depends_on: Annotated[tuple[Id, ...], Strict(False)] = ()
    """Ids of other units of this release."""
    tests: Annotated[tuple[TestPath, ...], Strict(False)] = ()

    @property
    def unit(self) -> FeatureUnit:
        return FeatureUnit(self.id, self.name, self.priority, self.status, self.depends_on, self.tests)


class Acceptance(Table):
    """What has to be true of the release: shown by a test, or by a query of what it measures."""

    id: Id
    says: Prose
    test: TestPath | None = None
    query: Prose | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Acceptance:
        if (self.test is None) == (self.query is None):
            raise ValueError("a criterion is shown by either a test or a query — set exactly one of the two")
        return self


class FailureMode(Table):
    """Something that may go wrong, thought of beforehand."""

    id: Id
    what: Prose
    probability: Level
    impact: Level
    signals: Annotated[tuple[Words, ...], Strict(False)] = ()
    """What would show it."""
    rollback: Prose | None = None
    """What would be done."""


class Manifest(Table):
    """One release. ``previous`` None: go back to the last healthy release."""

    version: Version
    previous: Version | None = None
    name: Words | None = None
    """What people call it."""
    owner: Words | None = None
    """Who looks after this release; None: the owner of the service."""
    target_date: date | None = None
    migrations: ReleaseMigrations = Field(default_factory=ReleaseMigrations)
    features: Annotated[tuple[Feature, ...], Strict(False)] = ()
    acceptance: Annotated[tuple[Acceptance, ...], Strict(False)] = ()
    pre_mortem: Annotated[tuple[FailureMode, ...], Strict(False)] = ()

    @model_validator(mode="after")
    def _another_version(self) -> Manifest:
        if self.previous == self.version:
            raise ValueError(f"{self.version} cannot be its own previous version — name the one before it")
        return self
