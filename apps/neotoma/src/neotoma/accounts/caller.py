"""Who asks: found by ``accounts.current``, handed to everything that reads or writes a memory."""

from dataclasses import dataclass
from uuid import UUID

SCOPES = ("read", "write")


@dataclass(frozen=True)
class Caller:
    """A person, or an agent that a person let in. ``via`` is ``session``, ``token``, ``oauth`` or ``stdio``.

    ``session`` is the id of a browser's session, for its CSRF token; empty otherwise.
    """

    user: UUID
    email: str
    scopes: frozenset[str]
    via: str
    session: str = ""
