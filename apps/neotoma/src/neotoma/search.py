"""Search: the documents with the best fact for a query, ranked, each with a snippet of that fact."""

from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row

from neotoma.store import Connection

OPEN, CLOSE = "\ue000", "\ue001"  # private-use characters around a match; they cannot be typed
SEARCH = f"""
WITH asked AS (SELECT websearch_to_tsquery('english', %(query)s) AS query),
best AS (
  SELECT DISTINCT ON (document_id) document_id, place, text, ts_rank(words, query) AS rank
  FROM facts, asked WHERE words @@ query ORDER BY document_id, rank DESC, position
),
top AS (SELECT * FROM best ORDER BY rank DESC, document_id DESC LIMIT %(limit)s)
SELECT id, name, kind, coalesce(title, name) AS title, place, rank,
       ts_headline('english', text, query, 'StartSel={OPEN}, StopSel={CLOSE}, MaxWords=30, MinWords=15') AS marked
FROM top JOIN documents ON id = document_id, asked ORDER BY rank DESC, id DESC
"""


@dataclass(frozen=True)
class Hit:
    """A document that matches; ``place`` and ``marked`` are of its best fact."""

    id: int
    name: str
    kind: str
    title: str
    place: str
    rank: float
    marked: str

    @property
    def snippet(self) -> str:
        """The words around the match, as plain text."""
        return self.marked.replace(OPEN, "").replace(CLOSE, "")

    @property
    def parts(self) -> list[tuple[str, bool]]:
        """The snippet in pieces, each with whether it matched."""
        first, *others = self.marked.split(OPEN)
        pairs = [(piece, index == 0) for part in others for index, piece in enumerate(part.split(CLOSE, 1))]
        return [(first, False), *pairs]

    def json(self) -> dict[str, Any]:
        """The hit as the API shows it."""
        names = ("id", "name", "kind", "title", "place", "snippet", "rank")
        return {name: getattr(self, name) for name in names}


async def search(connection: Connection, query: str, limit: int) -> list[Hit]:
    """The best ``limit`` documents. Understands "a phrase", OR and -not; never raises for a strange query."""
    async with connection.cursor(row_factory=class_row(Hit)) as cursor:
        await cursor.execute(SEARCH, {"query": query, "limit": limit})
        return await cursor.fetchall()
