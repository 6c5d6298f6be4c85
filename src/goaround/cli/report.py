"""``goaround report``"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from goaround.cli.common import coloured, guarded, house, json_option, print_json, release_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from goaround.domain.journal import State
    from goaround.wiring import House


@click.command(help="Tell how RELEASE went; --bundle writes all its evidence into a tar file that anybody can check.")
@click.argument("release")
@click.option("--bundle", type=click.Path(path_type=Path, dir_okay=False), help="The tar file to write.")
@json_option
@click.pass_obj
@guarded
def command(directory: str, release: str, bundle: Path | None, as_json: bool) -> int:
    from goaround.cli.asjson import result_json
    from goaround.cli.render import release_text, standing_code

    home = house(directory)
    states = home.states.refresh().all()
    state = release_of(home, release)
    if bundle is not None:
        write(bundle, evidence(home, state), int((state.closed_at or state.opened_at).timestamp()))
    if as_json:
        print_json({**result_json(state, states, standing_code(state, states)), "bundle": str(bundle or "") or None})
    else:
        click.echo(release_text(state, states), color=coloured())
        if bundle is not None:
            click.echo(f"evidence: {bundle}; check it anywhere: goaround audit verify {bundle}, or verify.sh in it")
    return 0


def evidence(home: House, state: State) -> Mapping[str, bytes]:
    """The files of the bundle, the manifest and its signature among them."""
    from goaround.domain import bundle
    from goaround.domain.signoff import journal_namespace

    outputs: dict[str, str] = {}
    for _, key, text in home.journal.output(f"{state.release.id}/"):
        outputs[key] = outputs.get(key, "") + text
    contents = bundle.files(state, home.journal.lines(), outputs)
    contents["samples.json"] = _samples(home, state)
    contents["verify.sh"] = Path(__file__).with_name("verify.sh").read_bytes()
    manifest = bundle.manifest(state.terms.service, state.release.id, contents)
    contents[bundle.MANIFEST] = manifest
    if state.opened.controller_key:
        sealed = home.signatures.seal(manifest, journal_namespace(state.terms.service))
        contents[bundle.SIGNATURE] = sealed.encode()
    return contents


def _samples(home: House, state: State) -> bytes:
    """What the verdicts of the watches were made of, as far as the front door's log still holds it: each second."""
    from dataclasses import asdict

    from goaround.config.load import parse_config

    config = parse_config(str(state.opened.config["toml"]), "goaround.toml")
    found: dict[str, object] = {}
    for step in state.all_steps:
        seen = state.of(step.key)
        if step.kind == "watch" and seen.begun_at is not None and seen.ended_at is not None:
            traffic = home.neighbours(config, step.environment).proxy.traffic(seen.begun_at, seen.ended_at)
            found[step.key] = {"seconds": [asdict(bucket) for bucket in traffic.buckets], "gaps": traffic.gaps}
    return (json.dumps(found, default=str, indent=1) + "\n").encode()


def write(path: Path, contents: Mapping[str, bytes], at: int) -> None:
    """A tar file of these, the same bytes for the same contents; whole or not there at all."""
    from goaround.domain.errors import Unavailable

    half = path.with_name(f".{path.name}.half")
    try:
        with tarfile.open(half, "w", format=tarfile.PAX_FORMAT) as tar:
            for name in sorted(contents):
                member = tarfile.TarInfo(name)
                member.size, member.mtime, member.mode = len(contents[name]), at, 0o644
                tar.addfile(member, io.BytesIO(contents[name]))
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise Unavailable(
            f"{path} could not be written: {error.strerror}", state="there is no bundle", remedy="name another file"
        ) from error
