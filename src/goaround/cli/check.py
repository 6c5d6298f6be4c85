"""``goaround check``"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from goaround.cli.common import config_of, guarded, house, json_option, print_json


@click.command(help="Check goaround.toml and every release manifest beside it; every mistake at once.")
@json_option
@click.pass_obj
@guarded
def command(directory: str, as_json: bool) -> int:
    from goaround.config.load import load_manifest
    from goaround.domain.errors import ConfigurationError

    home = house(directory)
    mistakes: list[str] = []
    manifests = sorted((home.project / "releases").glob("[!.]*/manifest.toml"))
    reads: list[Callable[[], object]] = [partial(config_of, home)]
    reads += [partial(load_manifest, path, path.parent.name) for path in manifests]
    for read in reads:
        try:
            read()
        except ConfigurationError as error:
            mistakes += error.mistakes
    if mistakes:
        raise ConfigurationError(tuple(mistakes))
    if as_json:
        print_json({"mistakes": [], "manifests": [path.parent.name for path in manifests]})
    else:
        click.echo(f"goaround.toml and {len(manifests)} manifests are right")
    return 0
