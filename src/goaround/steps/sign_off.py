"""A person lets the release through. The signature counts only for things as they are."""

from __future__ import annotations

from goaround.domain.signoff import digest
from goaround.steps.context import Context, GateFailed, Report


def observe(ctx: Context) -> Report:
    signed = ctx.state.signature(ctx.step)
    if signed is None or signed.by not in ctx.state.terms.signers[ctx.environment]:
        raise GateFailed(
            "no signature stands under this as it is now",
            state="nothing was changed",
            remedy=f"sign it: goaround sign {ctx.release.id}",
        )
    return Report(
        f"signed by {signed.by}" + (f": “{signed.note}”" if signed.note else ""),
        {"by": signed.by, "statement": digest(ctx.state.statement(ctx.step))},
    )


def act(ctx: Context) -> None:
    """Nothing to do: only a person can."""
