"""``goaround statement``"""

from __future__ import annotations

import click

from goaround.cli.common import by_option, guarded, house, json_option, print_json, release_of, speaker


@click.command(
    help="Print the statement to be signed for RELEASE (or the one under way), to sign it on another machine: "
    "ssh-keygen -Y sign -n NAMESPACE -f KEY FILE"
)
@click.argument("release", required=False)
@click.option("--note", default="", help="What you looked at.")
@click.option("--role", default="", help="As what you sign, if you may as several.")
@click.option("--break-glass", metavar="REASON", help="Print the statement for letting it through in an emergency.")
@by_option
@json_option
@click.pass_obj
@guarded
def command(
    directory: str, release: str | None, note: str, role: str, break_glass: str | None, by: str | None, as_json: bool
) -> int:
    from goaround.cli.common import say
    from goaround.cli.signing import word
    from goaround.domain.signals import to_break_glass, to_sign
    from goaround.domain.signoff import namespace

    home = house(directory)
    name = speaker(by)
    state = release_of(home, release, running=release is None)
    if break_glass is not None:
        document = to_break_glass(state, name, break_glass, **word(home))
    else:
        document = to_sign(state, name, role=role, note=note, **word(home))
    if as_json:
        print_json({"statement": document.decode(), "namespace": namespace(state.terms.service)})
        return 0
    click.echo(document, nl=False)
    say(f"\nsign it as it is, for the namespace {namespace(state.terms.service)}")
    return 0
