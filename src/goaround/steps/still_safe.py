"""Before a rollback after completion: the version to go back to can still be had, and the schema is as the release
left it, so that its down migrations still fit."""

from __future__ import annotations

from goaround.domain.errors import Unavailable
from goaround.domain.strategy import way_back
from goaround.steps.context import Context, GateFailed, Report

UNCHANGED = "nothing was changed"


def observe(ctx: Context) -> Report:
    artifact = ctx.here.artifacts.path(str(ctx.found("build", "staging")["artifact"]))
    old = ctx.deployed("old")
    try:
        if old is not None:
            ctx.here.artifacts.path(old["artifact"])
    except Unavailable as error:
        raise GateFailed(
            error.what, state=UNCHANGED, remedy="release what you want under the next version instead"
        ) from error
    recovery = way_back(ctx.state)["production"]
    left = ctx.found("migrate").get("schema")
    now = ctx.schema(artifact) if ctx.config.migrations and left is not None else left
    if now != left:
        raise GateFailed(
            f"the schema of production is {now}, and {ctx.release.version} left it at {left}",
            state=UNCHANGED,
            remedy="take back what was changed since, or release what you want under the next version",
        )
    return Report(f"still safe: {recovery.because}", {"to": recovery.to, "schema": recovery.schema})


def act(ctx: Context) -> None:
    """Nothing to do: it only looks."""
