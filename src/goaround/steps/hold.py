"""Hold all requests at the front door, and let those in flight finish.

``force``: on the way back the hold stands even if something is still in flight; what is left is cut when the version
that serves it is stopped.
"""

from __future__ import annotations

from goaround.ports import FrontDoor
from goaround.steps.context import Context, GateFailed, Report

SHARE_OF_LIMIT = 0.4
"""How much of the limit of a hold those in flight may take; the rest is for the schema and the new version."""


def observe(ctx: Context) -> Report | None:
    front = ctx.here.proxy.state()
    busy = _in_flight(front)
    if not front.holding or (busy and not ctx.step.params["force"]):
        return None
    return Report(f"requests wait; {busy} still in flight", {"in_flight": busy})


def act(ctx: Context) -> None:
    proxy = ctx.here.proxy
    proxy.ensure()
    proxy.hold(True)
    patience = SHARE_OF_LIMIT * (ctx.config.hold.limit_seconds if ctx.config.hold else 0)
    if ctx.wait_until(lambda: not _in_flight(proxy.state()), seconds=patience, every=0.02) or ctx.step.params["force"]:
        return
    busy = _in_flight(proxy.state())
    proxy.hold(False)
    raise GateFailed(
        f"{busy} requests were still in flight {patience:.1f} s after {ctx.environment} was told to hold",
        state="the hold was let go, the schema is unchanged, and the old version serves",
        remedy="release at a quieter time, or raise [hold] limit in goaround.toml",
    )


def _in_flight(front: FrontDoor) -> int:
    return sum(front.in_flight.values())
