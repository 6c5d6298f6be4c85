"""Production may change now. Until then the release waits, which ``decide`` sees to; here it is written down."""

from __future__ import annotations

from goaround.domain.strategy import calendar_of
from goaround.steps import sign_off
from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report:
    broken = ctx.state.glass_broken(ctx.step)
    if broken is not None:
        return sign_off.observe(ctx)
    calendar = calendar_of(ctx.state.terms, ctx.release)
    return Report(f"open: {calendar.says()}", {"at": ctx.clock.now().isoformat(), "timezone": calendar.timezone})


def act(ctx: Context) -> None:
    """Nothing to do: time does it."""
