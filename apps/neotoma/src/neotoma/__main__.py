"""The command line: ``python -m neotoma COMMAND``. Each command is a module in ``commands/``, loaded when asked for."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from neotoma.version import VERSION

COMMANDS = {
    "serve": "serve the pages, the API and MCP",
    "demo": "everything at once, with sample data, on this machine",
    "mcp": "speak MCP on standard input and output, for one user",
    "migrate": "change the schema: up, down --to VERSION, current, list",
    "integrity": "count orphans and circles; exit 1 if there are any",
    "account": "claim the legacy owner's memory; a person's new password or token",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = sys.argv[1:] if argv is None else list(argv)
    parser = argparse.ArgumentParser(prog="neotoma", description="Deterministic memory for people and their agents.")
    parser.add_argument("--version", action="version", version=f"neotoma {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    chosen = next((word for word in given if word in COMMANDS), None)
    for name, purpose in COMMANDS.items():
        subparser = commands.add_parser(name, help=purpose, description=purpose)
        if name == chosen:
            import_module(f"neotoma.commands.{name}").arguments(subparser)
    options = parser.parse_args(given)
    code: int = import_module(f"neotoma.commands.{options.command}").run(options)
    return code


if __name__ == "__main__":
    sys.exit(main())
