"""Back up the production database. Listed and checksummed; not yet proven by a restore."""

from __future__ import annotations

from goaround.ports import Backup
from goaround.steps.build import write_note
from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report | None:
    note = ctx.work / "backup.json"
    if not note.exists():
        return None
    taken = _backup(ctx)
    return Report(
        f"{taken.size_bytes / 1e6:.1f} MB, {taken.entries} entries in {taken.seconds:.1f} s; "
        "not yet proven by a restore",
        {
            "path": str(taken.path),
            "digest": taken.digest,
            "size_bytes": taken.size_bytes,
            "entries": taken.entries,
            "seconds": round(taken.seconds, 3),
            "server_version": taken.server_version,
            "proven": False,
        },
    )


def act(ctx: Context) -> None:
    taken = _backup(ctx)
    write_note(ctx.work / "backup.json", {"digest": taken.digest})


def _backup(ctx: Context) -> Backup:
    """Takes one, or finds the one that is there: it is one complete effect either way."""
    destination = ctx.folder / "backups" / ctx.environment / ctx.release.id
    key = f"{ctx.step.key}#{ctx.attempt}"
    return ctx.here.database.backup(
        destination, key, ctx.commands, lambda offset, text: ctx.journal.write_output(key, offset, text)
    )
