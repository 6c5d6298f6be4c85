"""``goaround answer``"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from goaround.cli.common import by_option, guarded, house, json_option, print_json, send, speaker

if TYPE_CHECKING:
    from goaround.domain.triggers import Severity


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

    name, how_bad = speaker(by), cast("Severity | None", severity)
    state = send(
        house(directory), release, lambda state: answer(state, item, name, note, how_bad), running=release is None
    )
    if as_json:
        print_json({"release": state.release.id, "item": item, "by": name, "severity": severity})
    else:
        click.echo(f"answered by {name}: {item}\ngo on: goaround resume {state.release.id}")
    return 0
