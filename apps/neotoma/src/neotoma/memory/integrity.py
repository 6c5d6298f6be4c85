"""Counts what must not be: rows that belong to nothing, and circles of relationships that may have none.

Both come from functions of the database that see every user's rows and give away nothing but numbers.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from neotoma.database import Connection
from neotoma.memory import rows
from neotoma.memory.fold import fold
from neotoma.memory.model import Observation, Snapshot

ORPHANS = "SELECT integrity_orphans()"
EDGES = "SELECT kind, start, stop FROM integrity_edges()"
PLANTED = "SELECT FROM planted WHERE user_id = '00000000-0000-4000-8000-000000000000'"
SNAPSHOTS = """
WITH RECURSIVE members AS (
  SELECT user_id, id AS root, id FROM entities WHERE merged_into IS NULL
  UNION SELECT m.user_id, m.root, e.id FROM members m JOIN entities e ON e.user_id = m.user_id AND e.merged_into = m.id
) SELECT m.user_id::text, m.root, s.snapshot, s.deleted, o.id, o.entity_id, o.source_id, o.kind, o.fields, o.observed_at
FROM members m JOIN entities s ON s.user_id = m.user_id AND s.id = m.root
JOIN observations o ON o.user_id = m.user_id AND o.entity_id = m.id ORDER BY m.user_id, m.root
"""


class Untold(Exception):
    """Nobody could tell: the one who counts does not see all rows, or the schema has no counts. Says what to do."""


@dataclass(frozen=True)
class Integrity:
    """How much is wrong; all zero for a sound memory."""

    orphans: int
    cycles: int


async def count(connection: Connection) -> Integrity:
    """Count in the memories of all users. Raises Untold."""
    try:
        ((orphans,),) = await (await connection.execute(ORPHANS)).fetchall()
        edges = await (await connection.execute(EDGES, binary=True)).fetchall()
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction) as error:
        message = f"{error.diag.message_primary}. Bring the schema forward as a role with BYPASSRLS: migrate up"
        raise Untold(message) from None
    return Integrity(orphans, await asyncio.to_thread(circles, edges))


def circles(edges: Iterable[tuple[int, int, int]]) -> int:
    """How many groups of two and more nodes are all reachable from each other, by kind of the edges
    ``(kind, start, stop)``. An edge from a node to itself is none."""
    graphs: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for kind, start, stop in edges:
        if start != stop:
            graphs[kind][start].append(stop)
    return sum(_strongly_connected(graph) for graph in graphs.values())


def _strongly_connected(graph: Mapping[int, Sequence[int]]) -> int:
    """Tarjan's algorithm without recursion, for a chain may have any length. Counts components of two and more."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    path: list[int] = []
    waiting: set[int] = set()
    found = 0
    for root in graph:
        work = [] if root in order else [(root, iter(graph.get(root, ())))]
        while work:
            node, ahead = work[-1]
            if node not in order:
                order[node] = low[node] = len(order)
                path.append(node)
                waiting.add(node)
            if (following := next((stop for stop in ahead if stop not in order or stop in waiting), None)) is not None:
                if following in order:
                    low[node] = min(low[node], order[following])
                else:
                    work.append((following, iter(graph.get(following, ()))))
                continue
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[node])
            if low[node] == order[node]:
                size = _take(path, waiting, node)
                found += size > 1
    return found


def _take(path: list[int], waiting: set[int], node: int) -> int:
    """Take a whole component from the path; how large it was."""
    size = 0
    while True:
        taken = path.pop()
        waiting.discard(taken)
        size += 1
        if taken == node:
            return size


async def stale_snapshots(connection: Connection) -> int:
    """How many snapshots are not the fold of their observations; needs a role that sees all rows. Raises Untold."""
    if (await connection.execute(PLANTED)).rowcount != 1:
        raise Untold("This role does not see all rows. Use one with BYPASSRLS, or a superuser.")
    stale, asked = 0, ""
    said: list[Observation] = []
    cached = Snapshot()
    async with connection.cursor(name="snapshots") as cursor:
        await cursor.execute(SNAPSHOTS)
        async for user, root, snapshot, deleted, *row in cursor:
            if asked != user + root:
                stale += bool(said) and fold(said) != cached
                said, asked, cached = [], user + root, Snapshot(rows.snapshot_fields(snapshot), deleted)
            said.append(rows.observation(tuple(row)))
    return stale + (bool(said) and fold(said) != cached)
