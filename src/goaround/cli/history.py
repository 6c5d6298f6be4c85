"""``goaround history``"""

from __future__ import annotations

import click

from goaround.cli.common import guarded, house, json_option, print_json


@click.command(help="List the releases and how they ended.")
@json_option
@click.pass_obj
@guarded
def command(directory: str, as_json: bool) -> int:
    from goaround.cli.asjson import result_json
    from goaround.cli.render import history, standing_code

    states = house(directory).states.refresh().all()
    if as_json:
        print_json([result_json(state, states, standing_code(state, states)) for state in states.values()])
    else:
        click.echo(history(states.values()))
    return 0
