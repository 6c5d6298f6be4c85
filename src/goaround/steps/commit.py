"""The working tree is clean, and the release is the commit that was asked for."""

from __future__ import annotations

from goaround.steps.context import Context, GateFailed, Report


def observe(ctx: Context) -> Report:
    changed = ctx.repository.changes()
    if changed:
        shown = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
        raise GateFailed(
            f"the working tree has changes that are in no commit: {shown}",
            state="nothing was built or changed",
            remedy="commit or stash them, then release again",
        )
    commit = ctx.repository.commit(ctx.release.commit)
    return Report(f"clean; {commit.digest[:10]} {commit.subject}", {"commit": commit.digest, "author": commit.author})


def act(ctx: Context) -> None:
    """Nothing to do: it is so, or it is not."""
