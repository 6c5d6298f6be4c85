"""``neotoma integrity``."""

import argparse
import asyncio
import os
import sys

import psycopg

from neotoma.memory import integrity
from neotoma.memory.integrity import Untold
from neotoma.migrate import unreachable

SOUND, BROKEN, UNTOLD = 0, 1, 2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its grammar."""
    parser.add_argument("--snapshots", action="store_true", help="fold every entity anew, too, and compare")


def run(options: argparse.Namespace) -> int:
    """Count in the database that MIGRATION_DATABASE_URL names. Returns 0, 1 if anything is wrong, 2 if nobody knows."""
    if not (url := os.environ.get("MIGRATION_DATABASE_URL")):
        return _untold("No database: set MIGRATION_DATABASE_URL to that of the role that migrates.")
    try:
        return asyncio.run(_count(url, options.snapshots))
    except Untold as error:
        return _untold(str(error))
    except psycopg.Error as error:
        return _untold(f"The database cannot be asked: {unreachable(error)}.")


async def _count(url: str, snapshots: bool) -> int:
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=10) as connection:
        await _check(connection)
        found = await integrity.count(connection)
        print(f"orphans {found.orphans}\ncycles {found.cycles}")
        stale = await integrity.stale_snapshots(connection) if snapshots else 0
        if snapshots:
            print(f"stale snapshots {stale}")
        return BROKEN if found.orphans or found.cycles or stale else SOUND


async def _check(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    """See the row that only those see who see all. Raises Untold."""
    try:
        seen = (await connection.execute(integrity.PLANTED)).rowcount == 1
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        seen = False
    await connection.rollback()
    if not seen:
        raise Untold("This role does not see all rows of this schema. Use one with BYPASSRLS, after: migrate up")


def _untold(reason: str) -> int:
    print(f"Could not tell. {reason}", file=sys.stderr)
    return UNTOLD
