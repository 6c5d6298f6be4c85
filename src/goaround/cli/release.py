"""``goaround release``"""

from __future__ import annotations

import click

from goaround.cli.common import by_option, config_of, guarded, house, json_option, say, speaker


@click.command(help="Release VERSION: staging first, then production, and back if anything is wrong.")
@click.argument("version")
@click.option("--ref", default="HEAD", show_default=True, help="The commit to release.")
@click.option("--wait/--no-wait", default=None, help="Wait for people.  [default: on a terminal]")
@click.option("--trust", default="", metavar="DIGEST", help="Whose keys count, where no release has said so yet.")
@by_option
@json_option
@click.pass_obj
@guarded
def command(
    directory: str, version: str, ref: str, wait: bool | None, trust: str, by: str | None, as_json: bool
) -> int:
    from dataclasses import replace

    from goaround.cli.running import fly
    from goaround.engine.opening import Asked, open_release

    home = house(directory)
    config, toml = config_of(home)
    states = home.states.refresh()
    opened = open_release(Asked(version, ref, speaker(by), trust), config, toml, home.repository, states.all())
    if opened.terms.proven:
        opened = replace(opened, controller_key=home.signatures.controller_key())
    home.journal.append(opened.release.id, opened, after=states.seq)
    say(f"{opened.release.id} opened: {len(opened.plan.steps)} steps; follow it from anywhere: goaround status -w")
    return fly(home, opened.release.id, wait=wait, as_json=as_json)
