"""An annotated tag on the exact commit. A second attempt gets a name of its own; nothing is ever moved."""

from __future__ import annotations

from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report | None:
    name = _name(ctx)
    commit = ctx.repository.tagged(name)
    return Report(f"{name} is on {commit[:10]}", {"tag": name}) if commit == ctx.release.commit else None


def act(ctx: Context) -> None:
    ctx.repository.tag(_name(ctx), ctx.release.commit, f"{ctx.release.version}: {ctx.step.environment}")


def _name(ctx: Context) -> str:
    """``v1.0.0`` is on one commit whatever the attempt; ``v1.0.0-staging`` counts them."""
    name = str(ctx.step.params["tag"])
    return f"{name}.{ctx.release.attempt}" if name.endswith("-staging") and ctx.release.attempt > 1 else name
