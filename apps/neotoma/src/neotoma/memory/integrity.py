"""Counts what must not be: rows that belong to nothing, and circles of relationships that may have none.

Both come from functions of the database that see every user's rows and give away nothing but numbers.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    graphs: dict[int, dict[int, list[int]]] = {}
    for kind, start, stop in edges:
        if start != stop:
            graphs.setdefault(kind, {}).setdefault(start, []).append(stop)
    return sum(_strongly_connected(_looping(graph)) for graph in graphs.values())


def _looping(graph: dict[int, list[int]]) -> Mapping[int, Sequence[int]]:
    """Without the nodes that nothing leads to, again and again: of a graph without circles nothing is left."""
    entrances = Counter(stop for stops in graph.values() for stop in stops)
    free = [node for node in graph if node not in entrances]
    while free:
        for stop in graph.pop(free.pop(), ()):
            entrances[stop] -= 1
            if not entrances[stop]:
                free.append(stop)
    return graph


def _strongly_connected(graph: Mapping[int, Sequence[int]]) -> int:
    """Tarjan's algorithm without recursion, for a circle may have any length. Counts components of two and more."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    path: list[int] = []
    waiting: set[int] = set()
    work: list[tuple[int, Iterator[int]]] = []

    def enter(node: int) -> None:
        order[node] = low[node] = len(order)
        path.append(node)
        waiting.add(node)
        work.append((node, iter(graph.get(node, ()))))

    found = 0
    for root in graph:
        if root not in order:
            enter(root)
        while work:
            node, ahead = work[-1]
            for stop in ahead:
                if stop not in order:
                    enter(stop)
                    break
                if stop in waiting and order[stop] < low[node]:
                    low[node] = order[stop]
            else:
                work.pop()
                if work and low[node] < low[work[-1][0]]:
                    low[work[-1][0]] = low[node]
                found += low[node] == order[node] and _take(path, waiting, node) > 1
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
