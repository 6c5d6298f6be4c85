"""The command line: ``python -m neotoma serve`` and ``python -m neotoma migrate``."""

import argparse
import sys
from collections.abc import Sequence


def arguments() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    parser = argparse.ArgumentParser(prog="neotoma", description="Upload documents, extract facts, search them.")
    commands = parser.add_subparsers(dest="command", required=True)

    serve = commands.add_parser("serve", help="serve the page and the API; DATABASE_URL names the database")
    serve.add_argument("--port", type=int, required=True)
    serve.add_argument("--host", default="127.0.0.1")

    migrate = commands.add_parser("migrate", help="change the schema; MIGRATION_DATABASE_URL names the database")
    verbs = migrate.add_subparsers(dest="verb", required=True)
    verbs.add_parser("up", help="bring the schema to the newest version of this tree")
    down = verbs.add_parser("down", help="take the schema back to an older version")
    down.add_argument("--to", required=True, metavar="VERSION", help="the version to go back to; 0 is an empty schema")
    verbs.add_parser("current", help="print the version of the schema")
    verbs.add_parser("list", help="list this tree's migrations, and which of them are applied")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    chosen = arguments().parse_args(argv)
    if chosen.command == "migrate":
        from neotoma import migrate

        return migrate.run(chosen.verb, getattr(chosen, "to", None))
    from neotoma import server

    return server.serve(chosen.host, chosen.port)


if __name__ == "__main__":
    sys.exit(main())
