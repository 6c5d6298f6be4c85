"""``goaround answer``"""

from __future__ import annotations

import click

from goaround.cli.common import by_option, guarded, house, json_option, print_json, release_of, speaker


@click.command(help="Answer ITEM of the manual checklist of the release under way. Nothing wrong: no --severity.")
@click.argument("item")
@click.option("--release", help="Which release.  [default: the one under way]")
@click.option("--note", required=True, help="What you did and saw.")
@click.option("--severity", type=click.Choice(["critical", "major", "minor"]), help="If something is wrong: how bad.")
@by_option
@json_option
@click.pass_obj
@guarded
def command(
    directory: str, item: str, release: str | None, note: str, severity: str | None, by: str | None, as_json: bool
) -> int:
    from goaround.domain.signals import answer

    home = house(directory)
    state = release_of(home, release)
    event = answer(state, item, speaker(by), note, severity)  # type: ignore[arg-type]  # click checked the choice
    home.journal.append(state.release.id, event, after=home.states.seq)
    if as_json:
        print_json({"release": state.release.id, "step": event.step, "by": event.by, "severity": event.severity})
    else:
        click.echo(f"answered by {event.by}: {item}\ngo on: goaround resume {state.release.id}")
    return 0
