"""Stop: halt all deployment activities. Every other release of the service waits while this one rolls back.

The effect is in the journal: from the event that began this rollback on, every controller asks before each step
whether another release of the service is rolling back production, and waits if so.
"""

from __future__ import annotations

from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report:
    held = [s.release.id for s in ctx.states().values() if s.closed is None and s.release.id != ctx.release.id]
    return Report(f"held: {', '.join(held)}" if held else "no other release is under way", {"held": held})


def act(ctx: Context) -> None:
    """Nothing to do: the journal already says so."""
