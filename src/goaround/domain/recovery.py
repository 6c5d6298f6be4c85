"""How an environment goes back: what happens to its schema, and in which order traffic and schema move.

Order and hold, one rule both ways: where the old version works on the new schema, traffic moves first and the schema
afterwards or never; otherwise all requests are held while the schema changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from goaround.domain.release import Release, Terms

Schema = Literal["keep", "down"]


@dataclass(frozen=True, slots=True)
class Touched:
    """How far a release got in one environment, by intent: a step that started may have had its effect."""

    placed: bool = False
    migrating: bool = False
    migration_failed: bool = False
    serving: bool = False

    @property
    def anything(self) -> bool:
        return self.placed


@dataclass(frozen=True, slots=True)
class Recovery:
    """``hold``: requests wait at the front door while the schema changes. ``to`` None: traffic is taken off."""

    to: str | None
    schema: Schema
    hold: bool
    because: str


def choose(release: Release, terms: Terms, touched: Touched) -> Recovery:
    """The way back for one environment, from what was declared and how far things got."""
    down_possible = terms.can_go_down and release.migrates and touched.migrating
    if release.previous is None:
        return Recovery(None, "keep", False, "there is no version to go back to: visitors get a maintenance answer")
    if not touched.migrating or not release.migrates:
        return Recovery(release.previous, "keep", False, "the schema was not changed")
    if touched.migration_failed and down_possible:
        return Recovery(
            release.previous,
            "down",
            not release.old_version_works,
            "the migration failed half-way: its down migration restores the schema known to work",
        )
    if release.way_back == "keep" or not down_possible:
        return Recovery(release.previous, "keep", False, f"{release.previous} is declared to work on the new schema")
    if release.old_version_works:
        return Recovery(release.previous, "down", False, "traffic moves first, then the schema")
    return Recovery(
        release.previous,
        "down",
        True,
        f"{release.previous} is not declared to work on the new schema: requests wait while it changes",
    )
