"""Push this release's tags to the remote: exactly these, never by force. It comes after all else, and the release can
do without it."""

from __future__ import annotations

from goaround.domain.environments import ENVIRONMENTS
from goaround.domain.errors import Refused
from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report | None:
    remote, names = str(ctx.step.params["remote"]), _names(ctx)
    if ctx.tags.missing(remote, names):
        return None
    return Report(f"{remote} has {' and '.join(names)}", {"remote": remote, "tags": list(names)})


def act(ctx: Context) -> None:
    for environment in ENVIRONMENTS:
        found = ctx.found("tag", environment)
        name, key = str(found["tag"]), ctx.state.opened.controller_key
        if ctx.tags.tagged(name) != ctx.release.commit or (found.get("signed") and not ctx.tags.signed(name, key)):
            raise Refused(
                f"the tag {name} is not where this release put it, or not as it was signed",
                state="nothing was pushed",
                remedy=f"find out who moved it; it belongs on commit {ctx.release.commit}",
            )
    ctx.tags.push(str(ctx.step.params["remote"]), _names(ctx))


def _names(ctx: Context) -> tuple[str, ...]:
    """The tags that this release was given."""
    return tuple(str(ctx.found("tag", environment)["tag"]) for environment in ENVIRONMENTS)
