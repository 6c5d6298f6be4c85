"""Built once, in a clean export of the commit with an environment of its own; promoted unchanged ever after."""

from __future__ import annotations

import json
import os
from pathlib import Path

from goaround.domain.errors import Unavailable
from goaround.steps.context import Context, Report, insist


def observe(ctx: Context) -> Report | None:
    try:
        digest = json.loads(_note(ctx).read_text())["artifact"]
        path = ctx.here.artifacts.path(digest)
    except (OSError, ValueError, Unavailable):
        return None
    return Report(f"built {digest[:19]}", {"artifact": digest, "path": str(path)})


def act(ctx: Context) -> None:
    artifacts, build = ctx.here.artifacts, ctx.config.build
    # A build that ended is kept as it is. If its folder is gone it was moved into the store, and nobody wrote down
    # which one that was: build again in a folder of its own, for a fresh export is not a built one.
    number = 0
    while ctx.ran(f"build-{number}") is not None and not _tree(ctx, number).exists():
        number += 1
    tree = _tree(ctx, number)
    if ctx.ran(f"build-{number}") is None:
        artifacts.export(ctx.release.commit, tree)
    if build.command:
        inherited = {name: ctx.environ[name] for name in build.inherit_env if name in ctx.environ}
        ended = ctx.run(
            build.command,
            cwd=tree,
            env={**ctx.base_environment(), "HOME": str(ctx.work), **inherited},
            name=f"build-{number}",
            # What it inherits may be what an environment keeps secret.
            secrets=tuple(secret for neighbours in ctx.around.values() for secret in neighbours.secrets()),
            seconds=build.timeout_seconds,
        )
        insist(
            ended,
            "the build",
            state="nothing was deployed",
            remedy=f"see: goaround logs {ctx.release.id} {ctx.environment}/build",
        )
    digest = artifacts.keep(tree)
    write_note(_note(ctx), {"artifact": digest})


def _tree(ctx: Context, number: int) -> Path:
    return ctx.work / f"tree-{number}"


def _note(ctx: Context) -> Path:
    return ctx.work / "artifact.json"


def write_note(path: Path, value: object) -> None:
    """Write a small JSON file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
