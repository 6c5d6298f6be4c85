"""``goaround rollback``"""

from __future__ import annotations

import click

from goaround.cli.common import by_option, guarded, house, json_option, say, speaker

HUNG_SECONDS = 10.0
"""Whoever asks for a rollback waits less long for a silent controller than others do."""


@click.command(help="Take production back to the last healthy release. Skips gates; works when the new one is broken.")
@click.option(
    "--to",
    metavar="VERSION",
    help="Insist that this is where it leads; maintenance: take the traffic off a first release.",
)
@click.option("--reason", default="asked for", show_default=True, help="Why; it is kept.")
@by_option
@json_option
@click.pass_obj
@guarded
def command(directory: str, to: str | None, reason: str, by: str | None, as_json: bool) -> int:
    from dataclasses import replace

    from goaround.cli.running import fly
    from goaround.domain.environments import occupant
    from goaround.domain.errors import Stale
    from goaround.domain.signals import ask_rollback
    from goaround.engine.opening import open_rollback

    home, name = house(directory), speaker(by)
    while True:
        states = home.states.refresh()
        under_way = occupant(states.all().values(), "production")
        try:
            if under_way is not None:
                release = under_way.release
                home.journal.append(release.id, ask_rollback(under_way, name, reason, to), after=states.seq)
            else:
                opened = open_rollback(name, states.all(), to)
                if opened.controller_key:  # that of today: the one that sealed the release may be gone
                    opened = replace(opened, controller_key=home.signatures.controller_key())
                release = opened.release
                home.journal.append(release.id, opened, after=states.seq)
        except Stale:
            continue  # something happened in between: look again what there is to take back
        break
    say(f"{release.id}: production goes back to {release.previous or 'a maintenance answer'}")
    return fly(home, release.id, wait=False, as_json=as_json, hung_seconds=HUNG_SECONDS)
