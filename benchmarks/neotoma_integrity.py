"""How long neotoma counts orphans and circles: ``neotoma_integrity.py [--json] [--edges 50000] [--rounds 5]``.

For one ring, one chain and a random forest of so many relationships: the median seconds of both counts, and beside
them, in the same run, of a plain recursive query that walks the same graph once from where it begins, and of
``count(*)``. The walk tells no circle from a tree, so it is the least that any count in SQL would cost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median
from uuid import uuid4

import psycopg

sys.path.remove(str(Path(__file__).parent))  # in which neotoma.py is another benchmark
sys.path.insert(0, str(Path(__file__).parents[1]))

from apps.neotoma.tests.support import Database, migrate, running_server

from neotoma.database import Connection
from neotoma.memory import integrity

NEOTOMA = Path(__file__).parents[1] / "apps" / "neotoma"
PLANT = (
    "INSERT INTO users (user_id, email) VALUES (%(user)s, 'bench@example.org')",
    "INSERT INTO entities (user_id, id, type, name) "
    "SELECT %(user)s, 'n' || n, 'thing', 'n' || n FROM generate_series(0, %(nodes)s - 1) n",
    "INSERT INTO observations (user_id, id, entity_id, kind, fields) "
    "SELECT %(user)s, 'o' || n, 'n' || n, 'correction', '{}' FROM generate_series(0, %(nodes)s - 1) n",
    "INSERT INTO relationships (user_id, id, type, from_id, to_id) "
    "SELECT %(user)s, 'r' || f, 'part_of', 'n' || f, 'n' || t "
    "FROM unnest(%(from)s::int[], %(to)s::int[]) AS e (f, t)",
)
WALK = """
WITH RECURSIVE reached AS (
  SELECT user_id, to_id FROM relationships WHERE user_id = %(user)s AND from_id = ANY(%(begin)s)
  UNION SELECT r.user_id, r.to_id FROM reached w JOIN relationships r
    ON r.user_id = w.user_id AND r.from_id = w.to_id AND r.deleted_at IS NULL
) SELECT count(*) FROM reached
"""
Edges = list[tuple[int, int]]


def shapes(edges: int) -> dict[str, Edges]:
    """Each shape; every edge of the forest leads to one of the nodes before, of which every hundredth is a root."""
    chance = random.Random(1)
    return {
        "ring": [(n, (n + 1) % edges) for n in range(edges)],
        "chain": [(n, n + 1) for n in range(edges)],
        "forest": [(n, chance.randrange(n)) for n in range(1, edges * 100 // 99 + 2) if n % 100][:edges],
    }


def plant(database: Database, user: str, edges: Edges) -> None:
    """Write the graph past every trigger, for a ring is refused by them."""
    nodes = 1 + max(max(edge) for edge in edges)
    starts, stops = [start for start, _ in edges], [stop for _, stop in edges]
    with psycopg.connect(database.url("postgres"), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in PLANT:
            connection.execute(statement, {"user": user, "nodes": nodes, "from": starts, "to": stops})
        connection.execute("VACUUM ANALYZE")


async def seconds(action: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await action()
    return time.perf_counter() - began


async def measure(database: Database, edges: Edges, circles: int, rounds: int) -> dict[str, float]:
    """The figures of one shape; what is measured takes turns, so that a busy moment hits all alike."""
    user = str(uuid4())
    plant(database, user, edges)
    entered = {stop for _, stop in edges}
    begin = [f"n{start}" for start, _ in edges if start not in entered] or ["n0"]
    counting, walking, plain = list[float](), list[float](), list[float]()
    service = await Connection.connect(database.url("app"), options="-c role=neotoma_member", autocommit=True)
    other = await Connection.connect(database.url("postgres"), autocommit=True)
    async with service, other:
        found = await integrity.count(service)
        assert (found.orphans, found.cycles) == (0, circles), found
        for _ in range(rounds):
            counting.append(await seconds(lambda: integrity.count(service)))
            walking.append(await seconds(lambda: other.execute(WALK, {"user": user, "begin": begin})))
            plain.append(await seconds(lambda: other.execute("SELECT count(*) FROM relationships")))
    return {
        "seconds": round(median(counting), 3),
        "seconds_best": round(min(counting), 3),
        "seconds_to_walk_once": round(median(walking), 3),
        "ratio_to_walk_once": round(median(counting) / median(walking), 2),
        "ratio_to_count": round(median(counting) / median(plain), 1),
        "edges": len(edges),
    }


def figures(edges: int, rounds: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Each shape in a database of its own."""
    with running_server() as server:
        for name, shape in shapes(edges).items():
            print(name, file=sys.stderr)
            database = server.database()
            done = migrate(NEOTOMA, database, "up")
            assert done.returncode == 0, done.stderr
            yield name, asyncio.run(measure(database, shape, int(name == "ring"), rounds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--edges", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    measured = dict(figures(options.edges, options.rounds))
    if options.json:
        print(json.dumps(measured))
        return
    for name, values in measured.items():
        print(f"{name:<8}" + "  ".join(f"{key} {value}" for key, value in values.items()))


if __name__ == "__main__":
    main()
