"""There is room for the artifact, the backup and the migration, and for the journal to go on."""

from __future__ import annotations

import shutil

from goaround.domain.errors import Unavailable
from goaround.steps.context import Context, Report

ALWAYS_BYTES = 512 * 1024**2
"""Room for artifact, logs and journal besides what the database needs."""


def observe(ctx: Context) -> Report:
    database = ctx.around["production"].database.size_bytes()
    # A dump is rarely larger than its database, and a migration may rewrite every table once.
    need = 2 * database + ALWAYS_BYTES
    free = shutil.disk_usage(ctx.folder).free
    if free < need:
        raise Unavailable(
            f"{free / 1e9:.1f} GB are free at {ctx.folder} and {need / 1e9:.1f} GB are needed "
            f"(twice the database of {database / 1e9:.1f} GB, and {ALWAYS_BYTES / 1e9:.1f} GB)",
            state="nothing was built or changed",
            remedy="make room (goaround keeps backups in backups/), then release again",
        )
    return Report(f"{free / 1e9:.1f} GB free, {need / 1e9:.1f} GB needed", {"free_bytes": free, "needed_bytes": need})


def act(ctx: Context) -> None:
    """Nothing to do: it is so, or it is not."""
