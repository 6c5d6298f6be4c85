"""Prepare the rollback plan and check, before anything changes, that it could be flown."""

from __future__ import annotations

from goaround.domain.journal import as_if_done
from goaround.domain.strategy import rollback, way_back
from goaround.steps import health
from goaround.steps.context import Context, GateFailed, Report
from goaround.steps.free import expect_predecessor


def observe(ctx: Context) -> Report:
    """Only looks. The plan it reports is the one that a failure after the last step of production would fly.

    What the release was planned to replace may have been rolled back while it was in staging; then that plan would
    lead to a version that is not there any more, and production is not touched.
    """
    expect_predecessor(ctx, "production is unchanged")
    assumed = as_if_done(ctx.state)
    recovery = way_back(assumed)["production"]
    old = ctx.deployed("old")
    if old is not None:
        ctx.here.artifacts.path(old["artifact"])
        if not health.check(ctx, "old"):
            raise GateFailed(
                f"{old['version']}, to which a rollback would go, is not healthy in slot {old['slot']}",
                state="production is unchanged",
                remedy=f"see: goaround logs {ctx.release.id} {ctx.environment}/{old['slot']}",
            )
    steps = [step.says for step in rollback(assumed, way_back(assumed)).steps]
    where = recovery.to or "a maintenance answer"
    return Report(
        f"back to {where}: {recovery.because}",
        {"to": recovery.to, "schema": recovery.schema, "hold": recovery.hold, "steps": steps},
    )


def act(ctx: Context) -> None:
    """Nothing to do: the plan is computed from the state."""
