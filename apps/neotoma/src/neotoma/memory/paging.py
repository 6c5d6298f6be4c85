"""Lists in pages, each beginning after the last item of the one before, so that new items shift nothing."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from neotoma.memory.errors import Invalid
from neotoma.memory.values import is_text

Item = TypeVar("Item")
LONGEST_CURSOR = 2_000


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some items; ``next`` asks for those after them, None at the end."""

    items: Sequence[Item]
    next: str | None


def cursor(*key: str) -> str:
    """The sort key of the last item of a page, opaque."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def after(text: str | None, parts: int) -> tuple[str, ...] | None:
    """The sort key in a cursor, of ``parts`` texts; None for no cursor. Raises Invalid for one we never made."""
    if not text:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(text[:LONGEST_CURSOR] + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error) as error:
        raise _unknown() from error
    if not isinstance(key, list) or len(key) != parts or not all(isinstance(part, str) for part in key):
        raise _unknown()
    if not all(is_text(part) for part in key):
        raise _unknown()
    return tuple(key)


def _unknown() -> Invalid:
    return Invalid("bad_cursor", "This page address is not one of ours. Begin again at the first page.")
