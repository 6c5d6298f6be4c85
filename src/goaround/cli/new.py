"""``goaround new``"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from goaround.cli.common import config_of, guarded, house, json_option, print_json
from goaround.domain.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from goaround.wiring import House


@click.command(help="Make the folder of VERSION: its manifest and the documents that people fill in.")
@click.argument("version")
@click.option("--name", default="", metavar="TEXT", help="What people call it.")
@click.option("--owner", metavar="NAME", help="Who looks after it.  [default: the owner of the service]")
@click.option("--target-date", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="When it is wanted.")
@json_option
@click.pass_obj
@guarded
def command(
    directory: str, version: str, name: str, owner: str | None, target_date: datetime | None, as_json: bool
) -> int:
    from goaround.cli.folder import TO_FILL, Wanted, files
    from goaround.config.manifest import is_version

    if not is_version(version):
        raise _senseless(f"{version!r} is no version", "write one such as v1.0.0 or v1.0.0-rc.1")
    for option, text in (("--name", name), ("--owner", owner or "")):
        if text != text.strip() or not text.isprintable():
            raise _senseless(f"{option} is {text!r}", "write a few words in one line")
    home = house(directory)
    config, _ = config_of(home)
    previous = _previous(home, version)
    wanted = Wanted(version, previous, owner or config.owner, name, target_date.date() if target_date else None)
    contents = files(wanted, config)
    make(home.project / "releases" / version, contents)
    if as_json:
        made = [f"releases/{version}/{file}" for file in contents]
        print_json({"version": version, "previous": previous, "files": made})
    else:
        left = sum(content.decode().count(TO_FILL) for content in contents.values())
        click.echo(f"releases/{version}/: {', '.join(contents)}")
        click.echo(
            f"{left} places are yours: grep -rn '{TO_FILL}' releases/{version}; then: goaround check, and commit"
        )
    return 0


def _previous(home: House, version: str) -> str | None:
    """What production serves, or else the newest version that has a folder. Raises ``Refused`` for a version that was
    in production itself."""
    from goaround.cli.folder import newest
    from goaround.domain.environments import serving
    from goaround.engine.opening import refuse_reuse

    states = home.states.refresh().all() if (home.folder / "journal.sqlite3").exists() else {}
    refuse_reuse(version, states.values())
    releases = home.project / "releases"
    there = [path.name for path in releases.iterdir() if path.is_dir()] if releases.is_dir() else []
    now = serving(states.values(), "production")
    return now.version if now else newest(there, version)


def make(folder: Path, contents: Mapping[str, bytes]) -> None:
    """A folder of these files: whole or not there at all. Raises ``Refused`` if something of its name is there."""
    import fcntl
    import os

    from goaround.domain.errors import Refused, Unavailable

    try:
        folder.parent.mkdir(exist_ok=True)
        parent = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(parent, fcntl.LOCK_EX)  # nobody else makes one meanwhile
            if os.path.lexists(folder):
                raise Refused(
                    f"{folder} is there already",
                    state="nothing in it was touched",
                    remedy="go on with it, or remove it first if it is to be made anew",
                )
            _make_beside(folder, contents)
        finally:
            os.close(parent)
    except OSError as error:
        raise Unavailable(
            f"{folder} could not be made: {error.strerror}", state="nothing was made", remedy="see to it, and try again"
        ) from error


def _make_beside(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Under another name first, then renamed in one step."""
    import os
    import shutil

    from goaround.outliving import durable

    half = folder.with_name(f".{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)  # of one that was killed
    try:
        half.mkdir()
        for name, content in contents.items():
            with (half / name).open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        durable.sync_folder(str(half))
        half.rename(folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _senseless(what: str, remedy: str) -> UsageError:
    return UsageError(what, state="nothing was made", remedy=remedy)
