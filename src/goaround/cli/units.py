"""The feature units of a release, in words and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from goaround.domain.release import FeatureUnit

MARKS = {"completed": "✓", "in_progress": "▸", "planned": "·"}


def p0(units: Sequence[FeatureUnit]) -> list[FeatureUnit]:
    """Those that the release does not go without."""
    return [unit for unit in units if unit.priority == "P0"]


def p0_text(units: Sequence[FeatureUnit]) -> str:
    """``P0 units: 1 of 2 completed: ✓ uploads, ▸ search``; empty if there are none."""
    needed = p0(units)
    if not needed:
        return ""
    completed = sum(unit.status == "completed" for unit in needed)
    told = ", ".join(f"{MARKS[unit.status]} {unit.id} {unit.name}" for unit in needed)
    return f"P0 units: {completed} of {len(needed)} completed: {told}"


def units_json(units: Sequence[FeatureUnit]) -> list[Mapping[str, object]]:
    return [asdict(unit) for unit in units]
