"""The group of verbs. It knows their names and one sentence each, so that ``--help`` imports none of them."""

from __future__ import annotations

from importlib import import_module

import click

VERBS = {
    "new": "Make the folder of a release: its manifest, and the documents that people fill in.",
    "check": "Check goaround.toml and the manifests; every mistake at once.",
    "doctor": "Look at what a release needs of this machine, and say what is missing.",
    "plan": "Show what a release would do, the rollback plan included. Changes nothing.",
    "release": "Release a version: staging first, then production, and back if anything is wrong.",
    "resume": "Go on with a release whose controller was ended or is waiting.",
    "status": "Show what serves where and what is under way; -w follows it.",
    "answer": "Answer an item of the manual checklist.",
    "sign": "Let a release through.",
    "statement": "Print what is to be signed, to sign it on another machine.",
    "withdraw": "Take your signature back before it is used.",
    "refuse": "Refuse to sign; this ends the release.",
    "abort": "End a release; what it changed is taken back.",
    "break-glass": "In an emergency: let a release past a sign-off or a closed window, on the record for ever.",
    "rollback": "Take production back to the last healthy release.",
    "history": "List the releases and how they ended.",
    "logs": "Show the output of a release, a step or a running version.",
    "report": "Tell how a release went, and write its evidence into a bundle.",
    "audit": "Check the journal or a bundle of evidence: that nothing was changed.",
    "demo": "Release neotoma on embedded parts, then a bad version that takes itself back.",
}


class LazyGroup(click.Group):
    """Imports a verb's module when the verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"goaround.cli.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-C", "--directory", default=".", metavar="DIR", help="Where goaround.toml is.  [default: .]")
@click.version_option(package_name="goaround")
@click.pass_context
def cli(ctx: click.Context, directory: str) -> None:
    """Staging-first releases that can always come back.

    Exit codes: 0 done · 2 usage · 3 configuration · 4 gate failed · 5 awaiting sign-off · 6 rolled back and healthy ·
    7 rollback incomplete, person needed · 8 locked · 9 refused or stale · 124 time-out · 130 detached.
    """
    ctx.obj = directory
