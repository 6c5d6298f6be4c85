"""``releases/<version>/manifest.toml``: what is particular to one release."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from goaround.config.fields import Table, matching

_NUMBER = r"(0|[1-9]\d*)"
# ``-staging`` is taken: ``v1.0.0-staging`` is the tag of v1.0.0 in staging.
_VERSION = rf"v{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-(?!staging)[0-9A-Za-z]+([.-][0-9A-Za-z]+)*)?"
Version = Annotated[str, matching(_VERSION, "a version such as v1.0.0 or v1.0.0-rc.1 (-staging… is taken by tags)")]


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


class Manifest(Table):
    """One release. ``previous`` None: go back to the last healthy release."""

    version: Version
    previous: Version | None = None
    migrations: ReleaseMigrations = Field(default_factory=ReleaseMigrations)

    @model_validator(mode="after")
    def _another_version(self) -> Manifest:
        if self.previous == self.version:
            raise ValueError(f"{self.version} cannot be its own previous version — name the one before it")
        return self
