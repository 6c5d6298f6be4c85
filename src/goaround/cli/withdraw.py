"""``goaround withdraw``"""

from __future__ import annotations

import click

from goaround.cli.common import by_option, guarded, house, json_option, print_json, send, speaker


@click.command(help="Take your signature under RELEASE (or the one under way) back, before it is used.")
@click.argument("release", required=False)
@click.option("--reason", required=True, help="Why; it is kept.")
@by_option
@json_option
@click.pass_obj
@guarded
def command(directory: str, release: str | None, reason: str, by: str | None, as_json: bool) -> int:
    from goaround.domain.signals import withdraw

    home = house(directory)
    name = speaker(by)
    state = send(home, release, lambda state: withdraw(state, name, reason, home.clock.now()), running=release is None)
    step = state.next_step
    assert step is not None  # it waits there
    if as_json:
        print_json({"release": state.release.id, "step": step.key, "by": name, "reason": reason})
    else:
        click.echo(f"{name} took the signature back: {step.key}")
    return 0
