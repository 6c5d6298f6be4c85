"""Let the held requests go to the version that now has the traffic."""

from __future__ import annotations

from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report | None:
    front = ctx.here.proxy.state()
    return Report("no request is held") if front.running and not front.holding else None


def act(ctx: Context) -> None:
    ctx.here.proxy.ensure()
    ctx.here.proxy.hold(False)
