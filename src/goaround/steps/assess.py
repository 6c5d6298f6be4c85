"""Assess: what happened, how many requests were hit, is data touched? By declared rules, from what was measured."""

from __future__ import annotations

from goaround.domain.errors import GoaroundError
from goaround.domain.triggers import severity
from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report:
    state = ctx.state
    assert state.back is not None
    measured = _measured(ctx)
    requests, errors, gaps = measured or (None, None, True)
    data = state.touched(ctx.environment).migrating
    level = severity(state.back.cause, requests or 0, errors or 0, data_touched=data)
    if measured is None:
        seen = "how many requests failed could not be told"
    else:
        seen = f"{errors} of {requests} requests of the new version failed" + (", with gaps in the log" if gaps else "")
    return Report(
        f"{level}: {state.back.because}; {seen}; data {'touched' if data else 'not touched'}",
        {
            "severity": level,
            "requests": requests,
            "errors": errors,
            "gaps": gaps,
            "data_touched": data,
            "users": "could not tell: the front door's log knows no users",
        },
    )


def act(ctx: Context) -> None:
    """Nothing to do: it only looks."""


def _measured(ctx: Context) -> tuple[int, int, bool] | None:
    """Requests and failed ones since the new version was given the traffic, and whether there are gaps; None where
    that is not known. Nothing was served before the switch."""
    new = ctx.deployed("new")
    origin = ctx.states().get(ctx.release.of, ctx.state) if ctx.release.of else ctx.state
    switched = origin.of(f"{origin.release.id}/{ctx.environment}/traffic").begun_at
    if new is None or switched is None:
        return 0, 0, False
    try:
        traffic = ctx.here.proxy.traffic(switched, ctx.clock.now())
    except GoaroundError:
        # An assessment must not stand in the way of the rollback that it assesses.
        return None
    mine = [bucket for bucket in traffic.buckets if bucket.slot == new["slot"]]
    return sum(b.requests for b in mine), sum(b.errors for b in mine), bool(traffic.gaps)
