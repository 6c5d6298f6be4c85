"""Drain a version that no longer has the traffic, and stop it."""

from __future__ import annotations

from goaround.domain.errors import Unavailable
from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report | None:
    target = ctx.deployed(ctx.step.params["slot"])
    if target is None:
        return Report("there is none")
    if ctx.here.runtime.state(target["slot"]) is not None:
        return None
    return Report(f"{target['version']} ({target['slot']}) is stopped", {"slot": target["slot"]})


def act(ctx: Context) -> None:
    target = ctx.deployed(ctx.step.params["slot"])
    assert target is not None
    slot = target["slot"]
    front = ctx.here.proxy.state()
    if front.serving == slot and not front.holding:
        raise Unavailable(
            f"{target['version']} in slot {slot} has the traffic of {ctx.environment}",
            state="it was not stopped",
            remedy="give the traffic to another version first",
        )
    patience = ctx.step.params.get("drain", ctx.config.run.drain_seconds)
    ctx.wait_until(lambda: not ctx.here.proxy.state().in_flight.get(slot, 0), seconds=patience)
    ctx.here.runtime.stop(slot)
