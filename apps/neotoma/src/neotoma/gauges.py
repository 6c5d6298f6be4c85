"""Looks at everybody's graph every half minute, beside the requests, and tells ``/metrics`` what is wrong with it."""

import asyncio
import time

import psycopg

from neotoma.database import Database
from neotoma.memory import integrity
from neotoma.metrics import Graph, Metrics
from neotoma.observe import log

EVERY_SECONDS = 30.0
AT_MOST = "SET LOCAL statement_timeout = '20s'"


async def watch(database: Database, metrics: Metrics) -> None:
    """Look, until cancelled. While the database does not tell, ``metrics.graph_known`` is false."""
    while True:
        try:
            metrics.graph, metrics.graph_known = await _looked(database), True
        except (psycopg.Error, integrity.Untold):
            metrics.graph_known = False
            log("graph_unknown")
        await asyncio.sleep(EVERY_SECONDS)


async def _looked(database: Database) -> Graph:
    async with database.of_nobody() as connection:
        await connection.execute(AT_MOST)
        found = await integrity.count(connection)
    return Graph(found.orphans, found.cycles, time.time())
