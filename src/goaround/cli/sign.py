"""``goaround sign``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from goaround.cli.common import by_option, guarded, house, json_option, print_json, send

if TYPE_CHECKING:
    from goaround.domain.events import Signed
    from goaround.domain.journal import State


@click.command(
    help="Let RELEASE (or the one under way) through its sign-off, with your SSH key where keys are asked for: the "
    "agent's, or --key FILE. A statement signed elsewhere comes with --statement and --signature."
)
@click.argument("release", required=False)
@click.option("--note", default="", help="What you looked at.")
@click.option("--role", default="", help="As what you sign, if you may as several.")
@click.option("--key", type=click.Path(path_type=Path), help="The file of your key.  [default: the SSH agent]")
@click.option("--statement", type=click.Path(path_type=Path), help="What goaround statement gave you.")
@click.option("--signature", type=click.Path(path_type=Path), help="The signature of it that ssh-keygen made.")
@by_option
@json_option
@click.pass_obj
@guarded
def command(
    directory: str,
    release: str | None,
    note: str,
    role: str,
    key: Path | None,
    statement: Path | None,
    signature: Path | None,
    by: str | None,
    as_json: bool,
) -> int:
    from goaround.cli.signing import made_elsewhere, made_here, signer, verified
    from goaround.domain.signals import sign, to_sign

    home = house(directory)
    elsewhere = made_elsewhere(statement, signature)
    name = signer(elsewhere, by)

    def signed(state: State) -> Signed:
        document, made = elsewhere or made_here(
            home, state, name, key, lambda word: to_sign(state, name, role=role, note=note, **word)
        )
        event = sign(state, document, made, home.clock.now())
        verified(home, state, event)
        return event

    state = send(home, release, signed, running=release is None)
    step = state.next_step
    assert step is not None  # it waits there
    stands = home.states.refresh().all()[state.release.id].standing(step, home.clock.now())
    if as_json:
        print_json({"release": state.release.id, "step": step.key, "by": name, "missing": list(stands.missing)})
    elif stands.complete:
        click.echo(f"signed by {name}: {step.key}\ngo on: goaround resume {state.release.id}")
    else:
        click.echo(f"signed by {name}: {step.key}\nmissing: {', '.join(stands.missing)}")
    return 0
