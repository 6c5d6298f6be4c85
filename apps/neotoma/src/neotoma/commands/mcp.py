"""``neotoma mcp``."""

import argparse
import asyncio
import os
import sys
from contextlib import redirect_stdout

import psycopg

from neotoma import nest, settings
from neotoma.observe import silence
from neotoma.problems import Problem
from neotoma.settings import Settings

PORT = 8000


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its grammar."""
    parser.epilog = (
        "DATABASE_URL and NEOTOMA_STORAGE say where the memory is, NEOTOMA_TOKEN whose: a token from the account page, "
        f"or the legacy owner's. NEOTOMA_URL is the address in links, http://127.0.0.1:{PORT} if it is not set."
    )


def run(_: argparse.Namespace) -> int:
    """Run it. Returns 2 without settings or a token that works, 1 without a database."""
    silence()
    try:
        given = settings.read(os.environ, PORT)
        if not given.token:
            raise settings.Unset("No token: set NEOTOMA_TOKEN to one from the account page.")
        return asyncio.run(_serve(given))
    except (settings.Unset, Problem) as error:
        print(error, file=sys.stderr)
        return 2
    except psycopg.Error:
        print("The database does not answer. Check DATABASE_URL and that it runs.", file=sys.stderr)
        return 1


async def _serve(given: Settings) -> int:
    from neotoma.mcp import stdio  # takes most of a second

    built, wire = nest.build(given), sys.stdout
    with redirect_stdout(sys.stderr):  # what is logged before and after; meanwhile the SDK sees to it
        async with nest.running(built):
            await stdio.caller(built)
            with redirect_stdout(wire):
                await stdio.serve(built)
    return 0
