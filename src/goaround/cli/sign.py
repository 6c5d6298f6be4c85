"""``goaround sign``"""

from __future__ import annotations

import click

from goaround.cli.common import by_option, guarded, house, json_option, print_json, release_of, speaker


@click.command(help="Let RELEASE (or the one under way) through its sign-off.")
@click.argument("release", required=False)
@click.option("--note", default="", help="What you looked at.")
@by_option
@json_option
@click.pass_obj
@guarded
def command(directory: str, release: str | None, note: str, by: str | None, as_json: bool) -> int:
    from goaround.domain.signals import sign

    home = house(directory)
    state = release_of(home, release)
    event = sign(state, speaker(by), note)
    home.journal.append(state.release.id, event, after=home.states.seq)
    if as_json:
        print_json({"release": state.release.id, "step": event.step, "by": event.by, "digest": event.digest})
    else:
        click.echo(f"signed by {event.by}: {event.step}\ngo on: goaround resume {state.release.id}")
    return 0
