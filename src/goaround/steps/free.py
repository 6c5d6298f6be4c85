"""No other release holds the environments, and production serves what the release expects to replace."""

from __future__ import annotations

from goaround.domain.environments import occupant, serving
from goaround.domain.errors import Locked, Stale
from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report:
    states = ctx.states()
    for environment in ctx.release.environments:
        other = occupant((s for s in states.values() if s.release.id != ctx.release.id), environment)
        if other is not None:
            raise Locked(
                f"{environment} belongs to {other.release.id} until its outcome",
                state="nothing was built or changed",
                remedy=f"finish it (goaround resume {other.release.id}) "
                f"or end it (goaround abort {other.release.id} --reason …)",
            )
        ctx.around[environment].proxy.ensure()
    version = expect_predecessor(ctx, "nothing was built or changed")
    return Report(f"both environments are free; production serves {version or 'nothing yet'}", {"serves": version})


def expect_predecessor(ctx: Context, state: str) -> str | None:
    """The version that production serves. Raises ``Stale`` if this release was planned to replace another one."""
    now = serving(ctx.states().values(), "production")
    version = now.version if now else None
    if version != ctx.release.previous:
        raise Stale(
            f"production serves {version or 'nothing'}, and this release was planned to replace "
            f"{ctx.release.previous or 'nothing'}",
            state=state,
            remedy="plan and release again",
        )
    return version


def act(ctx: Context) -> None:
    """Nothing to do: it is so, or it is not."""
