"""JSON Schemas that several tools share: what they take, with limits, and what ``api/shapes.py`` gives."""

from typing import Any

from neotoma.mcp.tool import Schema

USUAL, MOST = 50, 200
"""How many items a page has if nobody says, and at most."""


def text(description: str, longest: int, **more: Any) -> Schema:
    """A text that says something."""
    return {"type": "string", "minLength": 1, "maxLength": longest, "description": description, **more}


def time(description: str) -> Schema:
    """A moment."""
    return text(f"{description} ISO 8601 with a zone, such as 2026-01-31T12:00:00Z.", 40, format="date-time")


def day(description: str) -> Schema:
    """A date."""
    return text(f"{description} ISO 8601, such as 2026-01-31.", 10, format="date")


def listed(items: Schema, most: int | None = None, at_least: int = 0) -> Schema:
    """A list."""
    return {
        "type": "array",
        "items": items,
        **({"maxItems": most} if most else {}),
        **({"minItems": at_least} if at_least else {}),
    }


def answer(**properties: Schema) -> Schema:
    """An object that has all of these."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def page(name: str, item: Schema) -> Schema:
    """A page of items under ``name``."""
    after = {"description": "Pass it as cursor to go on; null at the end."}
    return answer(**{name: listed(item), "next_cursor": or_null({"type": "string"}) | after})


def or_null(schema: Schema) -> Schema:
    """That, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def _named(**properties: Schema) -> Schema:
    """An object that an agent writes: nothing else is in it."""
    return answer(**properties) | {"additionalProperties": False}


ENTITY_ID = text("The id of an entity: ent_ and 24 characters.", 64)
SOURCE_ID = text("The id of a source: src_ and 24 characters.", 64)
_ID = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
PAGED = {
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MOST,
        "default": USUAL,
        "description": "How many at most.",
    },
    "cursor": text("next_cursor of the page before.", 2_000),
}

FIELDS: Schema = {
    "type": "object",
    "description": "Names of fields in snake_case, and their values.",
    "propertyNames": {"minLength": 1, "maxLength": 300},
    "additionalProperties": {"type": ["string", "number", "boolean"], "maxLength": 8_000},
    "maxProperties": 100,
}
RECORD = _named(
    type=text("In snake_case, such as contact.", 100),
    name=text("What it is called; with the type, what it is known by.", 300),
    fields=FIELDS,
)
_END = {
    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "minLength": 1, "maxLength": 300}],
    "description": "The position in entities, from 0, or the name there, or the id of an entity that is known already.",
}
RECORD_LINK = _named(type=text("In snake_case, such as works_for.", 40), **{"from": _END, "to": _END})

ENTITY = answer(
    id=_ID,
    type={"type": "string"},
    name={"type": "string"},
    fields={
        "type": "object",
        "additionalProperties": answer(value={"type": "string"}, type={"type": "string"}, observation_id=_ID),
    },
    deleted={"type": "boolean"},
    created_at=_TIME,
)
OBSERVATION = answer(
    id=_ID,
    entity_id=_ID,
    source_id=or_null(_ID),
    kind={"enum": ["extracted", "structured", "correction", "deletion", "restoration"]},
    fields={
        "type": "object",
        "additionalProperties": answer(value={"type": "string"}, type={"type": "string"}, place={"type": "string"}),
    },
    observed_at=_TIME,
)
RELATIONSHIP = answer(
    id=_ID,
    type={"type": "string"},
    **{"from": _ID, "to": _ID},
    source_id=or_null(_ID),
    created_at=_TIME,
    deleted_at=or_null(_TIME),
)
EVENT = answer(
    at={"type": "string", "format": "date"},
    entity_id=_ID,
    type={"type": "string"},
    name={"type": "string"},
    field={"type": "string"},
    observation_id=_ID,
)
SOURCE = answer(
    id=_ID,
    sha256={"type": "string"},
    name={"type": "string"},
    media_type={"type": "string"},
    bytes={"type": "integer", "minimum": 0},
    kind={"enum": ["file", "structured"]},
    status={"enum": ["processing", "ready", "failed"]},
    document_type=or_null({"type": "string"}),
    title=or_null({"type": "string"}),
    problem=or_null({"type": "object"}),
    created_at=_TIME,
)
