"""Let the held requests go to the version that now has the traffic."""

from __future__ import annotations

from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report | None:
    return None if ctx.here.proxy.state().holding else Report("no request is held")


def act(ctx: Context) -> None:
    ctx.here.proxy.hold(False)
