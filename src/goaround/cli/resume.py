"""``goaround resume``"""

from __future__ import annotations

import click

from goaround.cli.common import guarded, house, json_option, release_of


@click.command(help="Go on with RELEASE (or the one under way) whose controller was ended or is waiting.")
@click.argument("release", required=False)
@click.option("--wait/--no-wait", default=None, help="Wait for people.  [default: on a terminal]")
@json_option
@click.pass_obj
@guarded
def command(directory: str, release: str | None, wait: bool | None, as_json: bool) -> int:
    from goaround.cli.running import fly

    home = house(directory)
    state = release_of(home, release, running=release is None)
    return fly(home, state.release.id, wait=wait, as_json=as_json)
