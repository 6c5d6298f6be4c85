"""People let the release through. Their signatures count only for things as they are, and are verified once more."""

from __future__ import annotations

from goaround.domain.errors import Refused
from goaround.domain.events import BrokeGlass, Signed
from goaround.domain.signoff import BREAK_GLASS, SIGN_OFF, digest, meant, namespace
from goaround.steps.context import Context, GateFailed, Report


def observe(ctx: Context) -> Report:
    statement = digest(ctx.state.statement(ctx.step))
    broken = ctx.state.glass_broken(ctx.step)
    if broken is not None:
        verify(ctx, broken)
        return Report(
            f"GLASS BROKEN by {broken.by}: {broken.reason}",
            {"broke_glass": broken.by, "reason": broken.reason, "statement": statement},
        )
    stands = ctx.state.standing(ctx.step, ctx.clock.now())
    if not stands.complete:
        raise GateFailed(
            f"not enough signatures stand under this as it is now: {', '.join(stands.missing)} missing",
            state="nothing was changed",
            remedy=f"sign it: goaround sign {ctx.release.id}",
        )
    for signed in stands.counting:
        verify(ctx, signed)
    notes = [f": “{signed.note}”" if signed.note else "" for signed in stands.counting]
    return Report(
        "signed by " + ", ".join(signed.by + note for signed, note in zip(stands.counting, notes, strict=True)),
        {
            "by": [signed.by for signed in stands.counting],
            "statement": statement,
            "proven": ctx.state.terms.proven,
        },
    )


def verify(ctx: Context, said: Signed | BrokeGlass) -> None:
    """Raise ``Refused`` if the release wants signatures and this is not one: somebody may have written the journal."""
    if not ctx.state.terms.proven:
        return
    kept = (
        (SIGN_OFF, said.by, said.role, said.note, said.expires, said.digest)
        if isinstance(said, Signed)
        else (BREAK_GLASS, said.by, "", said.reason, None, said.digest)
    )
    if meant(said.statement) != kept:
        raise Refused(
            f"the journal says other things than {said.by} signed",
            state="nothing was changed",
            remedy="find out who wrote into .goaround/journal.sqlite3, and release again under a new version",
        )
    allowed, service = ctx.state.opened.allowed_signers, namespace(ctx.state.terms.service)
    ctx.signatures.verify(said.statement.encode(), said.signature, service, said.by, allowed)


def act(ctx: Context) -> None:
    """Nothing to do: only a person can."""
