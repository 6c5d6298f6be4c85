"""Ids are hashes of what they name, so that the same file, stored twice or elsewhere, gives the same ids.

An id is unique within one user's memory only; every key in the database begins with the user.
"""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from datetime import datetime

from neotoma.memory.model import Field

DIGITS = 24  # hexadecimal, 96 bits


def normalised(name: str) -> str:
    """A name without what people write differently: case, accents' encodings, punctuation, runs of white space."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    words = "".join(mark if mark.isalnum() else " " for mark in folded).split()
    return " ".join(words) or " ".join(folded.split())


def entity_id(type: str, name: str) -> str:
    """``ent_…`` from the type and the normalised name."""
    return _id("ent", type, normalised(name))


def source_id(sha256: str) -> str:
    """``src_…`` from the digest of the bytes."""
    return _id("src", sha256)


def observation_id(
    entity: str, source: str | None, kind: str, fields: Mapping[str, Field], observed_at: datetime | None = None
) -> str:
    """``obs_…`` from what is said. ``observed_at`` is left out for a source's: its words are the same at any time."""
    said = {name: [field.value, field.type, field.place] for name, field in fields.items()}
    at = observed_at.isoformat() if observed_at else ""
    return _id("obs", entity, source or "", kind, json.dumps(said, sort_keys=True, ensure_ascii=False), at)


def relationship_id(type: str, from_id: str, to_id: str) -> str:
    """``rel_…``: between two entities there is one relationship of a type."""
    return _id("rel", type, from_id, to_id)


def _id(prefix: str, *parts: str) -> str:
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"{prefix}_{digest[:DIGITS]}"
