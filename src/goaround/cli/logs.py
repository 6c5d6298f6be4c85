"""``goaround logs``"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from goaround.cli.common import guarded, house, json_option, print_json, release_of

if TYPE_CHECKING:
    from goaround.domain.journal import State


@click.command(
    help="Show what the commands of RELEASE printed; WHERE is environment/step, or environment/slot for what a "
    "version that runs there printed."
)
@click.argument("release", required=False)
@click.argument("where", required=False)
@click.option("--journal", "events", is_flag=True, help="Show the events themselves, and check their chain.")
@json_option
@click.pass_obj
@guarded
def command(directory: str, release: str | None, where: str | None, events: bool, as_json: bool) -> int:
    from goaround.domain.environments import ENVIRONMENTS
    from goaround.ports import SLOTS

    home = house(directory)
    if events:
        return _journal(directory, as_json)
    environment, _, name = (where or "").partition("/")
    if environment in ENVIRONMENTS and name in SLOTS:
        text = home.runtime(environment).log(name)
        found: Sequence[tuple[int, str, str]] = [(0, f"{environment}/{name}", text)]
        if not as_json:
            click.echo(text)
            return 0
    else:
        state = release_of(home, release)
        if where is not None:
            _check_place(state, where)
        found = home.journal.output(f"{state.release.id}/{where}" if where else f"{state.release.id}/")
    if as_json:
        print_json([{"key": key, "text": text} for _, key, text in found])
    else:
        for _, key, text in found:
            click.echo(f"{key}: {text}", nl=not text.endswith("\n"))
    return 0


def _check_place(state: State, where: str) -> None:
    """Raise ``Refused`` unless it is a step of the release, perhaps with one of its commands."""
    from goaround.domain.errors import Refused

    steps = [f"{step.environment}/{step.name}" for step in state.all_steps]
    if not any(where == step or where.startswith(f"{step}/") for step in steps):
        raise Refused(
            f"{state.release.id} has no step {where}",
            state="nothing was done",
            remedy=f"its steps are {', '.join(steps)}; and what a version printed is in ENVIRONMENT/blue or /green",
        )


def _journal(directory: str, as_json: bool) -> int:
    home = house(directory)
    count = home.journal.verify()
    records = home.journal.read()
    if as_json:
        print_json(
            [{"seq": r.seq, "at": r.at.isoformat(), "release": r.release, "type": r.event.type} for r in records]
        )
        return 0
    for record in records:
        detail = getattr(record.event, "step", "")
        click.echo(f"{record.seq:>5} {record.at:%Y-%m-%dT%H:%M:%S.%f}Z {record.release} {record.event.type} {detail}")
    click.echo(f"{count} events, chain intact")
    return 0
