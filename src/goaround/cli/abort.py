"""``goaround abort``"""

from __future__ import annotations

import click

from goaround.cli.common import by_option, guarded, house, json_option, say, send, speaker


@click.command(help="End RELEASE (or the one under way); what it changed is taken back.")
@click.argument("release", required=False)
@click.option("--reason", required=True, help="Why; it is kept.")
@by_option
@json_option
@click.pass_obj
@guarded
def command(directory: str, release: str | None, reason: str, by: str | None, as_json: bool) -> int:
    from goaround.cli.running import fly
    from goaround.domain.release import Outcome
    from goaround.domain.signals import abort

    home = house(directory)
    name = speaker(by)
    state = send(home, release, lambda state: abort(state, name, reason), running=release is None)
    say(f"{state.release.id} is told to abort")
    return fly(home, state.release.id, wait=False, as_json=as_json, wanted=Outcome.ABORTED)
