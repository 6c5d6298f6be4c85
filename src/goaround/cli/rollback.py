"""``goaround rollback``"""

from __future__ import annotations

import click

from goaround.cli.common import by_option, guarded, house, json_option, say, speaker

HUNG_SECONDS = 10.0
"""Whoever asks for a rollback waits less long for a silent controller than others do."""


@click.command(help="Take production back to the last healthy release. Skips gates; works when the new one is broken.")
@click.option("--to", metavar="VERSION", help="Insist that this is where it leads.")
@click.option("--reason", default="asked for", show_default=True, help="Why; it is kept.")
@by_option
@json_option
@click.pass_obj
@guarded
def command(directory: str, to: str | None, reason: str, by: str | None, as_json: bool) -> int:
    from goaround.cli.running import fly
    from goaround.domain.environments import occupant
    from goaround.domain.signals import ask_rollback
    from goaround.engine.opening import open_rollback

    home = house(directory)
    states = home.states.refresh()
    under_way = occupant(states.all().values(), "production")
    if under_way is not None:
        release = under_way.release.id
        home.journal.append(release, ask_rollback(under_way, speaker(by), reason, to))
        say(f"{release} is told to take production back to {under_way.release.previous or 'nothing'}")
    else:
        opened = open_rollback(speaker(by), states.all(), to)
        release = opened.release.id
        home.journal.append(release, opened, after=states.seq)
        say(f"{release} opened: production goes back to {opened.release.previous}")
    return fly(home, release, wait=False, as_json=as_json, hung_seconds=HUNG_SECONDS)
