"""``goaround refuse``"""

from __future__ import annotations

import click

from goaround.cli.common import by_option, guarded, house, json_option, print_json, release_of, speaker


@click.command(help="Refuse to sign RELEASE (or the one under way); this ends it, and takes back what it changed.")
@click.argument("release", required=False)
@click.option("--reason", required=True, help="Why; it is kept.")
@by_option
@json_option
@click.pass_obj
@guarded
def command(directory: str, release: str | None, reason: str, by: str | None, as_json: bool) -> int:
    from goaround.domain.signals import refuse

    home = house(directory)
    state = release_of(home, release)
    event = refuse(state, speaker(by), reason)
    home.journal.append(state.release.id, event, after=home.states.seq)
    if as_json:
        print_json({"release": state.release.id, "step": event.step, "by": event.by, "reason": event.reason})
    else:
        click.echo(f"refused by {event.by}: {event.step}\nit is taken back by: goaround resume {state.release.id}")
    return 0
