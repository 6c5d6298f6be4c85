"""``goaround status RELEASE --write``: what goaround knows goes into ``status.md``; the rest of it is the people's."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from goaround.cli.common import release_of
from goaround.cli.markdown import between, splice
from goaround.cli.statuspage import SAID, Said, page, untold
from goaround.config.load import load_manifest
from goaround.domain.errors import Refused, Unavailable
from goaround.outliving import durable

if TYPE_CHECKING:
    from goaround.wiring import House


def write(home: House, wanted: str) -> tuple[Path, bool]:
    """Bring the page of a release up to date: the file, and whether anything in it changed.

    Raises ``Refused`` if there is no folder for it, or the markers in the file do not say what is goaround's.
    """
    states = home.states.refresh().all() if (home.folder / "journal.sqlite3").exists() else {}
    known = {wanted} & {name for state in states.values() for name in (state.release.id, state.release.version)}
    version = release_of(home, wanted).release.version if known else wanted
    folder = home.project / "releases" / version
    if "/" in version or not (folder / "manifest.toml").is_file():
        raise Refused(
            f"there is no releases/{version}/manifest.toml here",
            state="nothing was written",
            remedy=f"make it with goaround new {version}, or check out a branch that has it",
        )
    if known:
        said: Said = {record.event: record.at for record in home.journal.read() if isinstance(record.event, SAID)}
        block = page(version, states, said, home.clock.now())
    else:
        manifest = load_manifest(folder / "manifest.toml", version)
        block = untold(version, [feature.unit for feature in manifest.features])
    path = folder / "status.md"
    return path, _replace(path.resolve(), block, version)


def _replace(path: Path, block: str, version: str) -> bool:
    try:
        try:
            before = path.read_bytes()
        except FileNotFoundError:
            durable.write(str(path), f"# {version} — status\n\n{between(block)}\n".encode(), mode=0o644)
            return True
        after = splice(before, block, str(path))
        if after != before:
            durable.write(str(path), after, mode=stat.S_IMODE(path.stat().st_mode))
        return after != before
    except OSError as error:
        Path(f"{path}.{os.getpid()}.new").unlink(missing_ok=True)
        raise Unavailable(
            f"{path} could not be written: {error.strerror}", state="it is as it was", remedy="see to it, and try again"
        ) from error
