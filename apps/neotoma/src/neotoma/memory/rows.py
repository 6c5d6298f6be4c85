"""Rows of the database as values of the model, and back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from neotoma.memory.errors import Invalid
from neotoma.memory.model import Entity, Field, Observation, Relationship, Snapshot, SnapshotField

ENTITY = "id, type, name, snapshot, deleted, merged_into, created_at"
OBSERVATION = "id, entity_id, source_id, kind, fields, observed_at"
RELATIONSHIP = "id, type, from_id, to_id, source_id, created_at, deleted_at"


def entity(row: tuple[Any, ...]) -> Entity:
    """Of the columns ``ENTITY``."""
    id, type, name, fields, deleted, merged_into, created_at = row
    return Entity(id, type, name, Snapshot(snapshot_fields(fields), deleted), merged_into, created_at)


def observation(row: tuple[Any, ...]) -> Observation:
    """Of the columns ``OBSERVATION``."""
    id, entity_id, source_id, kind, fields, observed_at = row
    said = {name: Field(**fields[name]) for name in sorted(fields)}
    return Observation(id, entity_id, source_id, kind, said, observed_at)


def relationship(row: tuple[Any, ...]) -> Relationship:
    """Of the columns ``RELATIONSHIP``."""
    return Relationship(*row)


def snapshot_fields(stored: Mapping[str, Mapping[str, str]]) -> dict[str, SnapshotField]:
    """The fields of a snapshot as the column has them."""
    return {
        name: SnapshotField(stored[name]["value"], stored[name]["type"], stored[name]["observation"])
        for name in sorted(stored)
    }


def stored_snapshot(snapshot: Snapshot) -> dict[str, dict[str, str]]:
    """The fields of a snapshot for the column."""
    return {
        name: {"value": field.value, "type": field.type, "observation": field.observation_id}
        for name, field in snapshot.fields.items()
    }


def stored_fields(fields: Mapping[str, Field]) -> dict[str, dict[str, str]]:
    """The fields of an observation for the column."""
    return {name: {"value": field.value, "type": field.type, "place": field.place} for name, field in fields.items()}


def moment(text: str) -> datetime:
    """A time in a cursor or a request, in UTC if it says no zone. Raises Invalid."""
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid("bad_time", "This is no time. Write it like 2026-01-31T12:00:00Z.") from error
