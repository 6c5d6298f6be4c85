"""``goaround logs``"""

from __future__ import annotations

import click

from goaround.cli.common import guarded, house, json_option, print_json, release_of


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
    from goaround.ports import SLOTS

    home = house(directory)
    if events:
        return _journal(directory, as_json)
    environment, _, name = (where or "").partition("/")
    if name in SLOTS:
        click.echo(home.runtime(environment).log(name))
        return 0
    state = release_of(home, release)
    prefix = f"{state.release.id}/{where}" if where else f"{state.release.id}/"
    found = home.journal.output(prefix)
    if as_json:
        print_json([{"key": key, "text": text} for _, key, text in found])
    else:
        for _, key, text in found:
            click.echo(f"{key}: {text}", nl=not text.endswith("\n"))
    return 0


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
