"""Search: the newest sources that have the query somewhere in their text, in any case, taken literally."""

from dataclasses import dataclass

from neotoma.database import Connection
from neotoma.memory import sources
from neotoma.memory.errors import Invalid
from neotoma.memory.model import Source

LONGEST_QUERY = 500  # characters
MOST = 100
AROUND = 60
"""How many characters before and after the match a snippet shows."""
SEARCH = r"""
SELECT source_id, place, text FROM (
  SELECT DISTINCT ON (c.source_id) c.source_id, c.place, c.text, s.created_at
  FROM chunks c JOIN sources s ON s.id = c.source_id
  WHERE c.text ILIKE '%%' || regexp_replace(%s, '([\\%%_])', '\\\1', 'g') || '%%'
    AND (%s::text IS NULL OR s.document_type = %s)
  ORDER BY c.source_id, c.position
) AS found ORDER BY created_at DESC, source_id DESC LIMIT %s
"""


@dataclass(frozen=True)
class Hit:
    """A source that answers. ``place`` and ``parts`` are of its first passage: pieces, each with whether it matched."""

    source: Source
    place: str
    parts: tuple[tuple[str, bool], ...]
    rank: float

    @property
    def snippet(self) -> str:
        """The passage as plain text."""
        return "".join(text for text, _ in self.parts)


async def search(connection: Connection, query: str, type: str | None = None, limit: int = 20) -> list[Hit]:
    """The newest ``limit`` sources that have it, those of one document type if asked.

    Raises Invalid for no query, or one that is too long or no text.
    """
    _check(query, type, limit)
    rows = await (await connection.execute(SEARCH, (query, type or None, type or None, limit))).fetchall()
    found = await sources.named(connection, [id for id, *_ in rows])
    return [Hit(found[id], place, _parts(text, query), 1.0) for id, place, text in rows]


def _check(query: str, type: str | None, limit: int) -> None:
    if not query.strip():
        raise Invalid("no_query", "There is nothing to search for. Write some words of what you look for.")
    if len(query) > LONGEST_QUERY:
        message = f"The query is longer than {LONGEST_QUERY} characters. Keep the words that matter."
        raise Invalid("query_too_long", message, limit_characters=LONGEST_QUERY)
    if any(mark == "\0" or "\ud800" <= mark <= "\udfff" for mark in query + (type or "")):
        raise Invalid("bad_query", "The query has characters that no text has (NUL or half of a pair). Remove them.")
    if not 1 <= limit <= MOST:
        raise Invalid("bad_limit", f"The limit is {limit}: use 1 to {MOST}.", least=1, most=MOST)


def _parts(text: str, query: str) -> tuple[tuple[str, bool], ...]:
    at = max(text.casefold().find(query.casefold()), 0)
    end = at + len(query)
    pieces = ((text[max(at - AROUND, 0) : at], False), (text[at:end], True), (text[end : end + AROUND], False))
    return tuple((piece, matched) for piece, matched in pieces if piece)
