"""Remove artifacts that no environment may need any more. It comes last of all, and the release can do without it."""

from __future__ import annotations

import json

from goaround.domain.environments import building, needed
from goaround.steps.build import write_note
from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report | None:
    note = ctx.work / "tidied.json"
    if not note.exists():
        return None
    facts = json.loads(note.read_text())
    removed = len(facts["removed"])
    return Report(facts.get("left") or f"{removed} removed, {facts['needed']} may be needed", facts)


def act(ctx: Context) -> None:
    """What is not needed goes, however often that is asked."""
    states = list(ctx.states().values())
    other, keep = building(states), needed(states)
    facts: dict[str, object] = {"removed": [], "needed": len(keep)}
    if other is not None:
        facts["left"] = f"nothing was removed: nobody can tell yet what {other} builds"
    else:
        facts["removed"] = list(ctx.here.artifacts.prune(keep))
    write_note(ctx.work / "tidied.json", facts)
