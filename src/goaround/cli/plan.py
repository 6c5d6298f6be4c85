"""``goaround plan``"""

from __future__ import annotations

import click

from goaround.cli.common import config_of, guarded, house, json_option, print_json


@click.command(help="Show what releasing VERSION would do, the rollback plan included. Changes nothing.")
@click.argument("version")
@click.option("--ref", default="HEAD", show_default=True, help="The commit to release.")
@json_option
@click.pass_obj
@guarded
def command(directory: str, version: str, ref: str, as_json: bool) -> int:
    from goaround.cli.asjson import plan_json
    from goaround.cli.render import plan_text
    from goaround.engine.opening import Asked, open_release

    home = house(directory)
    config, toml = config_of(home)
    states = home.states.refresh().all() if (home.folder / "journal.sqlite3").exists() else {}
    opened = open_release(Asked(version, ref, "plan"), config, toml, home.repository, states)
    if as_json:
        print_json(plan_json(opened))
    else:
        click.echo(plan_text(opened))
    return 0
