"""Built once a commit, in a clean export with an environment of its own; promoted unchanged ever after.

A second attempt at a commit takes what the first one built, if the command and its environment are the same and the
artifact is still whole. Where asked for, a second build in another folder tells whether the same comes out.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from goaround.domain.errors import GoaroundError, Unavailable
from goaround.domain.release import Json
from goaround.domain.signoff import canonical
from goaround.steps.context import Context, GateFailed, Report, insist

TOLD_DIFFERENCES = 5
NOT_CHECKED = {"reproducible": "not checked"}


def observe(ctx: Context) -> Report | None:
    for by, note in _notes(ctx):
        try:
            path = ctx.here.artifacts.path(str(note["artifact"]))
        except (KeyError, Unavailable):
            continue
        found = {name: note[name] for name in ("artifact", "reproducible", "differ", "why") if name in note}
        facts = {**NOT_CHECKED, **found, "path": str(path), **({"built_by": by} if by else {})}
        return Report(f"built{f' by {by}' if by else ''} {str(note['artifact'])[:19]}; {_says(facts)}", facts)
    return None


def act(ctx: Context) -> None:
    # A build that ended is kept as it is. If its folder is gone it was moved into the store, and nobody wrote down
    # which one that was: build again in a folder of its own, for a fresh export is not a built one.
    number = 0
    while ctx.ran(f"build-{number}") is not None and not _tree(ctx, str(number)).exists():
        number += 1
    tree = _built(ctx, str(number), "the build")
    compared = _compared(ctx, number, tree) if ctx.config.build.twice else NOT_CHECKED
    if ctx.config.build.require_reproducible and compared["reproducible"] != "yes":
        raise GateFailed(
            f"the build is not reproducible: {_says(compared)}",
            state="nothing was deployed",
            remedy=f"compare the folders tree-{number} and tree-{number}-again in {ctx.work}; take times, paths and "
            "random names out of the build",
            facts=compared,
        )
    shutil.rmtree(_tree(ctx, f"{number}-again"), ignore_errors=True)
    digest = ctx.here.artifacts.keep(tree)
    write_note(_note(ctx.folder, ctx.step.key, ctx.attempt), {"artifact": digest, "recipe": _recipe(ctx), **compared})


def _built(ctx: Context, name: str, what: str) -> Path:
    """A folder in which the build command ended well."""
    build, tree, run = ctx.config.build, _tree(ctx, name), f"build-{name}"
    if ctx.ran(run) is None:
        ctx.here.artifacts.export(ctx.release.commit, tree)
    if build.command:
        ended = ctx.run(
            build.command,
            cwd=tree,
            env={**ctx.base_environment(), "HOME": str(ctx.work), **_inherited(ctx)},
            name=run,
            # What it inherits may be what an environment keeps secret.
            secrets=tuple(secret for neighbours in ctx.around.values() for secret in neighbours.secrets()),
            seconds=build.timeout_seconds,
        )
        insist(
            ended,
            what,
            state="nothing was deployed",
            remedy=f"see: goaround logs {ctx.release.id} {ctx.environment}/build",
        )
    return tree


def _compared(ctx: Context, number: int, tree: Path) -> Mapping[str, Json]:
    """Build once more in another folder, and say whether the same came out; noted before that folder goes."""
    note = ctx.work / f"compared-{number}.json"
    if not note.exists():
        found: dict[str, Json] = {"reproducible": "no"}
        try:
            again = _built(ctx, f"{number}-again", "the second build")
            differ = ctx.here.artifacts.differences(tree, again)
            found = (
                {"reproducible": "no", "differ": list(differ[:TOLD_DIFFERENCES])} if differ else {"reproducible": "yes"}
            )
        except GoaroundError as error:
            found["why"] = error.what
        write_note(note, found)
    compared: Mapping[str, Json] = json.loads(note.read_text())
    return compared


def _says(facts: Mapping[str, Json]) -> str:
    detail = facts.get("why") or ", ".join(facts.get("differ", ()))
    return f"reproducible: {facts['reproducible']}{f' ({detail})' if detail else ''}"


def _notes(ctx: Context) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """What this attempt noted; then what earlier builds of this commit noted and the journal has as well, made by the
    same command in the same environment, with the name of their release."""
    own = _read(_note(ctx.folder, ctx.step.key, ctx.attempt))
    if own is not None:
        yield "", own
    for state in reversed(list(ctx.states().values())):
        before = state.release
        if before.commit != ctx.release.commit or before.kind != "release" or before.id == ctx.release.id:
            continue
        key = f"{before.id}/{ctx.environment}/build"
        passed, note = state.of(key).passed, _read(_note(ctx.folder, key, state.of(key).attempt))
        if passed is None or note is None or note.get("artifact") != passed.evidence.get("artifact"):
            continue  # it did not end, or took another's, which is looked at as well
        unchecked = ctx.config.build.twice and note.get("reproducible") != "yes"
        if not unchecked and note.get("recipe") == _recipe(ctx, key):
            yield before.id, note


def _recipe(ctx: Context, key: str = "") -> str:
    """A digest of all that goes into a build besides its commit. Values may be secrets, so it is slow to guess from."""
    made = canonical({"command": ctx.config.build.command, "env": {**ctx.base_environment(), **_inherited(ctx)}})
    return hashlib.scrypt(made, salt=(key or ctx.step.key).encode(), n=2**13, r=8, p=1, dklen=32).hex()


def _inherited(ctx: Context) -> dict[str, str]:
    return {name: ctx.environ[name] for name in ctx.config.build.inherit_env if name in ctx.environ}


def _read(path: Path) -> Mapping[str, Json] | None:
    try:
        found: Mapping[str, Json] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found


def _tree(ctx: Context, name: str) -> Path:
    return ctx.work / f"tree-{name}"


def _note(folder: Path, key: str, attempt: int) -> Path:
    return folder / "work" / key / str(attempt) / "artifact.json"


def write_note(path: Path, value: object) -> None:
    """Write a small JSON file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
