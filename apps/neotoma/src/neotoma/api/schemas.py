"""The shapes that the REST API takes and gives, as JSON Schema: those of ``shapes.py``, and what people send."""

from collections.abc import Mapping
from typing import Any

from neotoma.memory.model import FIELD_TYPES, KINDS

Json = dict[str, Any]
TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "integer"}
FLAG: Json = {"type": "boolean"}
MOMENT: Json = {"type": "string", "format": "date-time"}
DAY: Json = {"type": "string", "format": "date"}


def _of(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _map(values: Json) -> Json:
    return {"type": "object", "additionalProperties": values}


def _maybe(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _one(*values: str) -> Json:
    return {"type": "string", "enum": list(values)}


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _input(*required: str, **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _page(name: str, items: str) -> Json:
    return _object(**{name: _list(_of(items)), "next": _maybe(TEXT)})


SCALAR: Json = {"type": ["string", "number", "integer", "boolean"]}
SOURCE = {
    **dict.fromkeys(("id", "sha256", "name", "media_type"), TEXT),
    "bytes": NUMBER,
    "kind": _one("file", "structured"),
    "status": _one("processing", "ready", "failed"),
    "document_type": _maybe(TEXT),
    "title": _maybe(TEXT),
    "problem": _maybe({"type": "object"}),
    "created_at": MOMENT,
}
TOKEN = {
    **dict.fromkeys(("id", "kind", "name"), TEXT),
    "scopes": _list(_one("read", "write")),
    "created_at": MOMENT,
    "last_used_at": _maybe(MOMENT),
    "expires_at": _maybe(MOMENT),
}
END: Json = {"type": ["integer", "string"], "description": "The position or name of one of entities, or a known id."}
KNOWN_AS = _object(name=TEXT, media_type=TEXT, message=TEXT)
SCHEMAS: Mapping[str, Json] = {
    "Problem": _object(code=TEXT, message=TEXT, details={"type": "object"}, trace_id=TEXT),
    "File": _input("file", file={"type": "string", "contentMediaType": "application/octet-stream"}),
    "Source": _object(**SOURCE),
    "KnownSource": _object(**SOURCE)
    | {"properties": SOURCE | {"known_as": KNOWN_AS | {"description": "If it was sent under another ending."}}},
    "Sources": _page("sources", "Source"),
    "Chunk": _object(place=TEXT, text=TEXT),
    "SourceDetail": _object(
        **SOURCE,
        chunks=_list(_of("Chunk")),
        next_from=_maybe(NUMBER),
        entities=_list(TEXT),
        observations=_list(_of("Observation")),
    ),
    "Hit": _object(
        source=_of("Source"),
        place=TEXT,
        snippet=TEXT,
        parts=_list(_object(text=TEXT, matched=FLAG)),
        rank={"type": "number"},
    ),
    "Hits": _object(query=TEXT, hits=_list(_of("Hit"))),
    "Entity": _object(
        id=TEXT,
        type=TEXT,
        name=TEXT,
        fields=_map(_object(value=TEXT, type=_one(*FIELD_TYPES), observation_id=TEXT)),
        deleted=FLAG,
        merged_into=_maybe(TEXT),
        created_at=MOMENT,
    ),
    "Entities": _page("entities", "Entity"),
    "Observation": _object(
        id=TEXT,
        entity_id=TEXT,
        source_id=_maybe(TEXT),
        kind=_one(*KINDS),
        fields=_map(_object(value=TEXT, type=_one(*FIELD_TYPES), place=TEXT)),
        observed_at=MOMENT,
    ),
    "Observations": _page("observations", "Observation"),
    "Relationship": _object(
        id=TEXT,
        type=TEXT,
        **{"from": TEXT, "to": TEXT},
        source_id=_maybe(TEXT),
        created_at=MOMENT,
        deleted_at=_maybe(MOMENT),
    ),
    "Related": _object(related=_list(_object(relationship=_of("Relationship"), entity=_of("Entity")))),
    "Provenance": _object(provenance=_list(_object(observation=_of("Observation"), source=_maybe(_of("Source"))))),
    "Types": _object(types=_list(_object(type=TEXT, entities=NUMBER))),
    "Counts": _map(NUMBER),
    "Recorded": _object(source_id=TEXT, entity_ids=_list(TEXT)),
    "Event": _object(at=DAY, entity_id=TEXT, type=TEXT, name=TEXT, field=TEXT, observation_id=TEXT),
    "Events": _page("events", "Event"),
    "Record": _input(
        "name",
        "entities",
        name=TEXT,
        entities=_list(_input("type", "name", type=TEXT, name=TEXT, fields=_map(SCALAR))),
        relationships=_list(_input("type", "from", "to", type=TEXT, **{"from": END, "to": END})),
    ),
    "Corrections": _input("fields", fields=_map(SCALAR)),
    "Merge": _input("into", into=TEXT),
    "Relation": _input("type", "from", "to", type=TEXT, **{"from": TEXT, "to": TEXT}),
    "Credentials": _input("email", "password", email=TEXT, password=TEXT),
    "Farewell": _input(password=TEXT, confirm=TEXT),
    "Account": _object(user_id=TEXT, email=TEXT, scopes=_list(_one("read", "write")), via=TEXT),
    "TokenWanted": _input("name", name=TEXT, scopes=_list(_one("read", "write")), expires_in_days=_maybe(NUMBER)),
    "Token": _object(**TOKEN),
    "Tokens": _object(tokens=_list(_of("Token"))),
    "NewToken": _object(token=TEXT, **TOKEN),
    "SignedIn": _object(token=TEXT, **TOKEN, user_id=TEXT),
}


def _parameter(name: str, schema: Json, description: str, required: bool = False) -> Json:
    return {"name": name, "required": required, "description": description, "schema": schema}


PARAMETERS: Mapping[str, Json] = {
    "limit": _parameter("limit", NUMBER | {"minimum": 1, "maximum": 200}, "How many at most."),
    "best": _parameter("limit", NUMBER | {"minimum": 1, "maximum": 100, "default": 20}, "How many at most."),
    "cursor": _parameter("cursor", TEXT, "The page after the one whose next this was."),
    "chunk": _parameter("from", NUMBER | {"minimum": 0}, "The first chunk of text to send."),
    "query": _parameter("q", TEXT | {"maxLength": 500}, 'Words; "a phrase", or, -not.', required=True),
    "document_type": _parameter("type", TEXT, "Only sources of this document type."),
    "type": _parameter("type", TEXT, "Only this type."),
    "name": _parameter("q", TEXT, "A part of the name."),
    "deleted": _parameter("deleted", FLAG, "The deleted ones instead."),
    "at": _parameter("at", MOMENT, "As it was then."),
    "direction": _parameter("direction", _one("out", "in", "both"), "From the entity, to it, or both."),
    "entity": _parameter("entity", TEXT, "Only of this entity."),
    "start": _parameter("start", DAY, "From this day on."),
    "end": _parameter("end", DAY, "Up to and with this day."),
}
