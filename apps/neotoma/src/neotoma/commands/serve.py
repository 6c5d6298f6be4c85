"""``neotoma serve``."""

import argparse

from neotoma import server


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its grammar."""
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")


def run(options: argparse.Namespace) -> int:
    """Run it. DATABASE_URL names the database, NEOTOMA_STORAGE the folder of the files."""
    return server.serve(options.host, options.port)
