"""What an extraction gives. The same bytes under the same name's ending always give an equal Extraction."""

from collections.abc import Mapping
from dataclasses import dataclass

from neotoma.memory.model import Field


class Unreadable(Exception):
    """A file that we cannot take facts from. ``code`` is for programs, the message for people: what, and what to do.

    Survives pickling, because extraction runs in another process.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Chunk:
    """A piece of the text, in order: a page, some lines or some rows. At most ``LONGEST_CHUNK`` characters."""

    place: str
    text: str


@dataclass(frozen=True)
class Found:
    """An entity that the document speaks of, with the fields it tells, each with its place."""

    type: str
    name: str
    fields: Mapping[str, Field]


@dataclass(frozen=True)
class Link:
    """A relationship between two of ``Extraction.entities``, by their positions."""

    type: str
    from_index: int
    to_index: int


@dataclass(frozen=True)
class Extraction:
    """All that was found in one file. The first entity is the document itself (an ``invoice``, a ``document``, ...)."""

    document_type: str
    title: str
    chunks: tuple[Chunk, ...]
    entities: tuple[Found, ...]
    links: tuple[Link, ...]


LONGEST_CHUNK = 4_000  # characters
