"""``neotoma serve``."""

import argparse

from neotoma import server


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its grammar."""
    parser.add_argument("--port", type=port, required=True)
    parser.add_argument("--host", default="127.0.0.1")


def run(options: argparse.Namespace) -> int:
    """Run it. DATABASE_URL names the database, NEOTOMA_STORAGE the folder of the files."""
    return server.serve(options.host, options.port)


def port(text: str) -> int:
    """A port that can be listened on. Raises ValueError, of which argparse makes a message that names this function."""
    if not 0 < int(text) < 65_536:
        raise ValueError
    return int(text)
