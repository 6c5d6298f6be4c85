"""Place the files of the new version beside the version that serves: an intact artifact and an empty slot."""

from __future__ import annotations

from typing import Any

from goaround.domain.environments import serving
from goaround.domain.errors import Unavailable
from goaround.ports import SLOTS
from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report | None:
    slot = _slot(ctx)
    if ctx.here.runtime.state(slot) is not None:
        return None
    digest = str(ctx.found("build", "staging")["artifact"])
    artifact = ctx.here.artifacts.path(digest)
    migrates = ctx.config.migrations is not None
    facts: dict[str, Any] = {
        "new": _deployed(ctx.release.version, ctx.release.id, slot, digest, ctx.release.commit),
        "old": _old(ctx),
        "schema_before": ctx.schema(artifact) if migrates else None,
    }
    return Report(f"{ctx.release.version} placed in slot {slot}", facts)


def act(ctx: Context) -> None:
    """The slot may still hold what an earlier release left."""
    slot = _slot(ctx)
    front = ctx.here.proxy.ensure()
    if front.serving == slot:
        raise Unavailable(
            f"{ctx.environment} sends its traffic to slot {slot}, which the journal says is not the one that serves",
            state="nothing was changed",
            remedy="see: goaround status; take the environment back with: goaround rollback",
        )
    ctx.here.runtime.stop(slot)


def _slot(ctx: Context) -> str:
    old = _old(ctx)
    return SLOTS[1] if old and old["slot"] == SLOTS[0] else SLOTS[0]


def _old(ctx: Context) -> dict[str, Any] | None:
    now = serving(ctx.states().values(), ctx.environment)
    return _deployed(now.version, now.release, now.slot, now.artifact, now.commit) if now else None


def _deployed(version: str, release: str, slot: str, artifact: str, commit: str) -> dict[str, Any]:
    return {"version": version, "release": release, "slot": slot, "artifact": artifact, "commit": commit}
