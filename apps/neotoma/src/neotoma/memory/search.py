"""Search: the sources whose text answers a query best, each with its best passage.

``"a phrase"``, ``or`` and ``-not`` are understood, in English word forms. The SQL function ``search_chunks`` does the
work and knows the user by itself: row-level security alone would keep the index from being used. It ranks the newest
500 passages that match, so that a word that is everywhere costs what a rare one does.
"""

from dataclasses import dataclass

from neotoma.database import Connection
from neotoma.memory import sources
from neotoma.memory.errors import Invalid
from neotoma.memory.model import Source
from neotoma.memory.values import is_text

LONGEST_QUERY = 500  # characters
MOST = 100
OPEN, CLOSE = "\ue000", "\ue001"  # around what matched; the function takes them out of the text beforehand
SEARCH = "SELECT source_id, place, marked, rank FROM search_chunks(%s, %s, %s)"


@dataclass(frozen=True)
class Hit:
    """A source that answers. ``place`` and ``parts`` are of its best passage: pieces, each with whether it matched."""

    source: Source
    place: str
    parts: tuple[tuple[str, bool], ...]
    rank: float

    @property
    def snippet(self) -> str:
        """The passage as plain text."""
        return "".join(text for text, _ in self.parts)


async def search(connection: Connection, query: str, type: str | None = None, limit: int = 20) -> list[Hit]:
    """The best ``limit`` sources, those of one document type if asked; equal ranks newest first.

    Raises Invalid for no query, or one that is too long or no text. One of nothing but stop words finds nothing.
    """
    _check(query, type, limit)
    rows = await (await connection.execute(SEARCH, (query, type or None, limit))).fetchall()
    found = await sources.named(connection, [id for id, *_ in rows])
    return [Hit(found[id], place, _parts(marked), rank) for id, place, marked, rank in rows]


def _check(query: str, type: str | None, limit: int) -> None:
    if not query.strip():
        raise Invalid("no_query", "There is nothing to search for. Write some words of what you look for.")
    if len(query) > LONGEST_QUERY:
        message = f"The query is longer than {LONGEST_QUERY} characters. Keep the words that matter."
        raise Invalid("query_too_long", message, limit_characters=LONGEST_QUERY)
    for text in (query, type or ""):
        if not is_text(text):
            raise Invalid(
                "bad_query", "The query has characters that no text has (NUL or half of a pair). Remove them."
            )
    if not 1 <= limit <= MOST:
        raise Invalid("bad_limit", f"The limit is {limit}: use 1 to {MOST}.", least=1, most=MOST)


def _parts(marked: str) -> tuple[tuple[str, bool], ...]:
    first, *others = marked.split(OPEN)
    pairs = ((piece, at == 0) for part in others for at, piece in enumerate(part.split(CLOSE, 1)))
    return tuple((text, matched) for text, matched in ((first, False), *pairs) if text)
