"""``neotoma migrate``."""

import argparse

from neotoma import migrate


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its grammar."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("up", help="bring the schema to the newest version of this tree")
    down = verbs.add_parser("down", help="take the schema back to an older version")
    down.add_argument("--to", required=True, metavar="VERSION", help="the version to go back to; 0 is an empty schema")
    verbs.add_parser("current", help="print the version of the schema")
    verbs.add_parser("list", help="list this tree's migrations, and which of them are applied")


def run(options: argparse.Namespace) -> int:
    """Run it. MIGRATION_DATABASE_URL names the database."""
    return migrate.run(options.verb, getattr(options, "to", None))
