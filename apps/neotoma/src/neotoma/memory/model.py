"""What is remembered, as frozen values. Everything in here is plain data; SQL is in the modules beside this one.

A *source* is a file or a structured record that somebody stored. An *observation* is what one source, or one person
who corrects, says of one *entity*; it never changes. A *snapshot* is the pure fold of an entity's observations. A
*relationship* joins two entities. An *event* is a date field of a snapshot, on the timeline.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

ACYCLIC = ("part_of", "depends_on", "supersedes", "duplicate_of", "settles", "derived_from")
"""Relationship types that may not close a circle. Any other type may."""
FIELD_TYPES = ("text", "number", "date", "money", "email", "phone", "url", "boolean")
KINDS = ("extracted", "structured", "correction", "deletion", "restoration")
"""Of observations. Later beats earlier among the first three, whatever their times; see ``fold.py``."""


@dataclass(frozen=True)
class Field:
    """One value as an observation has it: canonical text (``2026-01-05``, ``12.30 EUR``) with its type and place.

    ``place`` says where in the source: ``page 2, line 5``, ``row 3, amount``; empty for what a person or agent said.
    """

    value: str
    type: str = "text"
    place: str = ""


@dataclass(frozen=True)
class Observation:
    """What was said of an entity, by which source, when. ``fields`` is empty for deletion and restoration."""

    id: str
    entity_id: str
    source_id: str | None
    kind: str
    fields: Mapping[str, Field]
    observed_at: datetime


@dataclass(frozen=True)
class SnapshotField:
    """The value that holds, and the observation that it comes from."""

    value: str
    type: str
    observation_id: str


@dataclass(frozen=True)
class Snapshot:
    """What holds of an entity."""

    fields: Mapping[str, SnapshotField] = field(default_factory=dict)
    deleted: bool = False


@dataclass(frozen=True)
class Entity:
    """An entity with its snapshot; ``name`` is as first written. ``merged_into`` is the entity that stands for it."""

    id: str
    type: str
    name: str
    snapshot: Snapshot
    merged_into: str | None
    created_at: datetime


@dataclass(frozen=True)
class Relationship:
    """``from_id`` has this relation to ``to_id``, since ``created_at`` and, if taken back, until ``deleted_at``."""

    id: str
    type: str
    from_id: str
    to_id: str
    source_id: str | None
    created_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True)
class Event:
    """A date field of a live entity's snapshot. ``type`` is the entity's type."""

    at: date
    entity_id: str
    type: str
    name: str
    field: str
    observation_id: str


@dataclass(frozen=True)
class Source:
    """A stored source. ``kind`` is ``file`` or ``structured``; ``status`` is ``processing``, ``ready`` or ``failed``.

    ``problem`` is ``{code, message}`` of a failed extraction. ``bytes`` is the size of the file.
    """

    id: str
    sha256: str
    name: str
    media_type: str
    bytes: int
    kind: str
    status: str
    document_type: str | None
    title: str | None
    problem: Mapping[str, Any] | None
    created_at: datetime
