"""Write the incident record: what happened when, in numbers. Causes are for people to find."""

from __future__ import annotations

import json
from pathlib import Path

from goaround.steps.build import write_note
from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report | None:
    path = _path(ctx)
    if not path.exists():
        return None
    facts = json.loads(path.read_text())
    return Report(f"written to {path.name}; restored after {facts['rollback_seconds']:.1f} s", facts)


def act(ctx: Context) -> None:
    state = ctx.state
    assert state.back is not None
    assert state.back_at is not None
    assess = ctx.found("back-assess")
    restored = max(
        (seen.ended_at for step in state.plan.steps
         if step.kind in ("traffic", "release") and step.environment == ctx.environment
         and (seen := state.of(step.key)).ended_at),
        default=ctx.clock.now(),
    )  # fmt: skip
    write_note(
        _path(ctx),
        {
            "release": ctx.release.id,
            "version": ctx.release.version,
            "back_to": ctx.release.previous,
            "cause": state.back.cause,
            "because": state.back.because,
            "decided_at": state.back_at.isoformat(),
            "restored_at": restored.isoformat(),
            "rollback_seconds": round((restored - state.back_at).total_seconds(), 3),
            "target_seconds": state.terms.rollback_target_seconds,
            **{key: assess.get(key) for key in ("severity", "requests", "errors", "data_touched", "users")},
            "root_cause": "TO FILL",
        },
    )


def _path(ctx: Context) -> Path:
    return ctx.folder / "incidents" / f"{ctx.release.id}.json"
