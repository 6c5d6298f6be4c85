"""The JSON of everything that is remembered: the same from REST, from MCP and in an export."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from neotoma.memory.model import Entity, Event, Observation, Relationship, Source

Json = dict[str, Any]


def source_json(source: Source) -> Json:
    """A source."""
    return {
        "id": source.id,
        "sha256": source.sha256,
        "name": source.name,
        "media_type": source.media_type,
        "bytes": source.bytes,
        "kind": source.kind,
        "status": source.status,
        "document_type": source.document_type,
        "title": source.title,
        "problem": dict(source.problem) if source.problem is not None else None,
        "created_at": time_json(source.created_at),
    }


def known_json(source: Source, sent_as: str) -> Json:
    """What the bytes of a source are known as, for who has sent them again under the ending of another type."""
    message = (
        f"These bytes are here already as {source.media_type} and stay read as that, not as {sent_as}. "
        "To have them read anew, delete the source and send them again."
    )
    return {"name": source.name, "media_type": source.media_type, "message": message}


def entity_json(entity: Entity) -> Json:
    """An entity with what holds of it; each field names the observation that it comes from."""
    return {
        "id": entity.id,
        "type": entity.type,
        "name": entity.name,
        "fields": {
            name: {"value": field.value, "type": field.type, "observation_id": field.observation_id}
            for name, field in entity.snapshot.fields.items()
        },
        "deleted": entity.snapshot.deleted,
        "merged_into": entity.merged_into,
        "created_at": time_json(entity.created_at),
    }


def observation_json(observation: Observation) -> Json:
    """An observation; each field says where in the source it stands."""
    return {
        "id": observation.id,
        "entity_id": observation.entity_id,
        "source_id": observation.source_id,
        "kind": observation.kind,
        "fields": {
            name: {"value": field.value, "type": field.type, "place": field.place}
            for name, field in observation.fields.items()
        },
        "observed_at": time_json(observation.observed_at),
    }


def document_first(said: Sequence[Observation]) -> list[Observation]:
    """What a source says, with what it says of the document itself, which alone has a title, before the rest."""
    return sorted(said, key=lambda one: "title" not in one.fields)


def relationship_json(relationship: Relationship) -> Json:
    """A relationship, also one that was taken back."""
    return {
        "id": relationship.id,
        "type": relationship.type,
        "from": relationship.from_id,
        "to": relationship.to_id,
        "source_id": relationship.source_id,
        "created_at": time_json(relationship.created_at),
        "deleted_at": time_json(relationship.deleted_at) if relationship.deleted_at else None,
    }


def event_json(event: Event) -> Json:
    """An event on the timeline."""
    return {
        "at": event.at.isoformat(),
        "entity_id": event.entity_id,
        "type": event.type,
        "name": event.name,
        "field": event.field,
        "observation_id": event.observation_id,
    }


def time_json(at: datetime) -> str:
    """A moment in UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
