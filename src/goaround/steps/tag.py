"""An annotated tag on the exact commit, with the journal's head of that moment in it. Where keys are asked for it is
signed with the controller's. A second attempt gets a name of its own in staging; nothing is ever moved."""

from __future__ import annotations

from goaround.domain.errors import Refused
from goaround.steps.context import Context, Report, spelled


def observe(ctx: Context) -> Report | None:
    name = _name(ctx)
    commit = ctx.tags.tagged(name)
    if commit != ctx.release.commit:
        return None
    if not _signed(ctx):
        return Report(f"{name} is on {commit[:10]}", {"tag": name})
    if not ctx.tags.signed(name, ctx.state.opened.controller_key):
        raise Refused(
            f"the tag {name} is there, on {commit[:10]}, and not signed with the key that this release was opened with",
            state="the tag was left as it is",
            remedy="find out who made it; release under a version of its own, for a tag is never moved",
        )
    return Report(f"{name} is on {commit[:10]}, signed", {"tag": name, "signed": True})


def act(ctx: Context) -> None:
    release, where = ctx.release, str(ctx.step.environment)
    if _signed(ctx) and ctx.signatures.controller_key() != ctx.state.opened.controller_key:
        raise Refused(
            "the controller's key is another one than when this release was opened",
            state="no tag was made",
            remedy="put .goaround/keys back from a backup; or end this release and open it again",
        )
    lines = (f"release: {release.id}", f"environment: {where}", f"journal: {spelled(ctx.head())}")
    message = f"{release.version}: {where}\n\n" + "".join(f"{line}\n" for line in lines)
    sign = (lambda document: ctx.signatures.seal(document, "git")) if _signed(ctx) else None
    ctx.tags.tag(_name(ctx), release.commit, message, sign)


def _signed(ctx: Context) -> bool:
    return bool(ctx.step.params.get("signed"))


def _name(ctx: Context) -> str:
    """``v1.0.0`` is on one commit whatever the attempt; ``v1.0.0-staging`` counts them."""
    name = str(ctx.step.params["tag"])
    return f"{name}.{ctx.release.attempt}" if name.endswith("-staging") and ctx.release.attempt > 1 else name
