"""``goaround sign``"""

from __future__ import annotations

import click

from goaround.cli.common import by_option, guarded, house, json_option, print_json, send, speaker


@click.command(help="Let RELEASE (or the one under way) through its sign-off.")
@click.argument("release", required=False)
@click.option("--note", default="", help="What you looked at.")
@by_option
@json_option
@click.pass_obj
@guarded
def command(directory: str, release: str | None, note: str, by: str | None, as_json: bool) -> int:
    from goaround.domain.signals import sign

    name = speaker(by)
    state = send(house(directory), release, lambda state: sign(state, name, note), running=release is None)
    step = state.next_step
    assert step is not None  # it waits there
    if as_json:
        print_json({"release": state.release.id, "step": step.key, "by": name})
    else:
        click.echo(f"signed by {name}: {step.key}\ngo on: goaround resume {state.release.id}")
    return 0
