"""Search: the documents whose text holds what was typed, newest first."""

from dataclasses import asdict, dataclass
from typing import Any

from psycopg.rows import class_row

from neotoma.store import Connection

SEARCH = "SELECT id, name, kind FROM documents WHERE body ILIKE %s ORDER BY id DESC LIMIT %s"


@dataclass(frozen=True)
class Hit:
    """A document that holds what was typed."""

    id: int
    name: str
    kind: str

    def json(self) -> dict[str, Any]:
        """The hit as the API shows it."""
        return asdict(self)


async def search(connection: Connection, query: str, limit: int) -> list[Hit]:
    """The newest ``limit`` documents with ``query`` in their text, in any case."""
    literal = query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    async with connection.cursor(row_factory=class_row(Hit)) as cursor:
        await cursor.execute(SEARCH, (f"%{literal}%", limit))
        return await cursor.fetchall()
