"""``goaround audit``"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from goaround.cli.common import guarded, house, json_option, print_json

if TYPE_CHECKING:
    from goaround.domain.bundle import Verified

LARGEST = 1_000_000_000
UNSIGNED = "nothing in it is signed: it holds together, and anybody could have made it"


@click.group(help="Check that nothing of what was written was changed since.")
def command() -> None:
    """Has one verb so far."""


@command.command(
    help="Check the journal here; or BUNDLE, by itself alone: the chain of events, what was sealed and signed, and "
    "every file. Exit code 0: all is as it was."
)
@click.argument("bundle", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--head", metavar="NUMBER:DIGEST", help="An event that a tag or a notice told of; it has to be there.")
@json_option
@click.pass_obj
@guarded
def verify(directory: str, bundle: Path | None, head: str | None, as_json: bool) -> int:
    if bundle is None:
        home = house(directory)
        count = home.journal.verify()
        if as_json:
            print_json({"events": count, "faults": []})
        else:
            click.echo(f"{count} events, each chained to the one before")
        return 0
    found = _verified(bundle, _head(head))
    if as_json:
        print_json({**{name: getattr(found, name) for name in found.__slots__}, "faults": list(found.faults)})
    else:
        click.echo(
            f"{found.release}: {found.events} events, {found.signatures} signatures of people, {found.seals} seals; "
            f"head {found.head[0]}:{found.head[1]}"
        )
        for fault in found.faults:
            click.secho(f"WRONG: {fault}", fg="red")
        whole = "all is as it was" if found.signatures or found.seals else UNSIGNED
        click.echo("it cannot be trusted" if found.faults else whole)
    return 9 if found.faults else 0


def _verified(path: Path, head: tuple[int, str] | None) -> Verified:
    from goaround.adapters.ssh_keys import SshKeys
    from goaround.domain import bundle
    from goaround.domain.errors import Refused, UsageError

    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:", errors="backslashreplace") as tar:
            for member in tar:
                if member.isdir():
                    continue
                content = tar.extractfile(member) if member.isfile() and member.size <= LARGEST else None
                if content is None or member.name in contents:
                    raise tarfile.TarError(f"{member.name} does not belong into a bundle")
                contents[member.name] = content.read()
    except (OSError, tarfile.TarError) as error:
        raise UsageError(
            f"{path} is no bundle: {error}",
            state="nothing was checked",
            remedy="name a file that goaround report --bundle wrote",
        ) from error
    try:
        return bundle.verify(contents, SshKeys(Path()).verify, head)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Refused(
            f"{path} says what goaround never writes: {type(error).__name__}",
            state="it cannot be trusted",
            remedy="ask for the bundle anew, from who has the journal",
        ) from error


def _head(text: str | None) -> tuple[int, str] | None:
    from goaround.domain.errors import UsageError

    if text is None:
        return None
    number, _, digest = text.partition(":")
    if not (number.isascii() and number.isdigit()) or not digest:
        raise UsageError(
            f"{text!r} is no head", state="nothing was checked", remedy="write it as in a tag: 42:sha256:…"
        )
    return int(number), digest
