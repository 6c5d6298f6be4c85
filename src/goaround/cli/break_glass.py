"""``goaround break-glass``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from goaround.cli.common import by_option, guarded, house, json_option, print_json, send

if TYPE_CHECKING:
    from goaround.domain.events import BrokeGlass
    from goaround.domain.journal import State


@click.command(
    name="break-glass",
    help="In an emergency: let RELEASE past the sign-off or the closed window that it waits at. Signed like a "
    "sign-off, and shown for ever.",
)
@click.argument("release")
@click.option("--reason", required=True, help="Why it cannot wait; it is shown for ever.")
@click.option("--key", type=click.Path(path_type=Path), help="The file of your key.  [default: the SSH agent]")
@click.option("--statement", type=click.Path(path_type=Path), help="What goaround statement --break-glass gave you.")
@click.option("--signature", type=click.Path(path_type=Path), help="The signature of it that ssh-keygen made.")
@by_option
@json_option
@click.pass_obj
@guarded
def command(
    directory: str,
    release: str,
    reason: str,
    key: Path | None,
    statement: Path | None,
    signature: Path | None,
    by: str | None,
    as_json: bool,
) -> int:
    from goaround.cli.signing import made_elsewhere, made_here, signer, verified
    from goaround.domain.signals import break_glass, to_break_glass

    home = house(directory)
    elsewhere = made_elsewhere(statement, signature)
    name = signer(elsewhere, by)

    def broken(state: State) -> BrokeGlass:
        document, made = elsewhere or made_here(
            home, state, name, key, lambda word: to_break_glass(state, name, reason, **word)
        )
        event = break_glass(state, document, made)
        verified(home, state, event)
        return event

    state = send(home, release, broken)
    step = state.next_step
    assert step is not None  # it waits there
    if as_json:
        print_json({"release": state.release.id, "step": step.key, "by": name, "reason": reason})
    else:
        click.secho(f"GLASS BROKEN by {name}: {step.key}: {reason}", fg="red")
        click.echo(f"go on: goaround resume {state.release.id}")
    return 0
