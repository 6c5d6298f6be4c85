"""A structured record as a person or an agent gives it, checked and read: the same words, the same bytes."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neotoma.extraction.model import LONGEST_CHUNK, Chunk, Found
from neotoma.memory import values
from neotoma.memory.errors import Invalid

MOST_ENTITIES, MOST_FIELDS, MOST_RELATIONSHIPS = 100, 100, 200
LONGEST_NAME, LONGEST_TYPE = 300, 100
TYPE = re.compile(r"[a-z][a-z0-9_]{0,99}")
LINK_TYPE = re.compile(r"[a-z_]{1,40}")
ENTITY_ID = re.compile(r"ent_[0-9a-f]{24}")


@dataclass(frozen=True)
class Relation:
    """Between two ends, each a position in the record's entities or the id of an entity that is known already."""

    type: str
    start: int | str
    end: int | str


@dataclass(frozen=True)
class Record:
    """What was given, in canonical JSON too."""

    name: str
    entities: tuple[Found, ...]
    relations: tuple[Relation, ...]
    text: str

    @property
    def sha256(self) -> str:
        """The digest of its canonical JSON."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """The canonical JSON in pieces; one after the other they are it."""
        starts = range(0, len(self.text), LONGEST_CHUNK)
        return tuple(
            Chunk(f"part {number}", self.text[start : start + LONGEST_CHUNK]) for number, start in enumerate(starts, 1)
        )


def read(name: str, entities: Sequence[Mapping[str, Any]], relationships: Sequence[Mapping[str, Any]]) -> Record:
    """The record. Raises Invalid, with a message that says what to change."""
    _listed(entities, "entities", 1, MOST_ENTITIES)
    _listed(relationships, "relationships", 0, MOST_RELATIONSHIPS)
    named = _name(name, "The record's name")
    found = tuple(_found(entity, f"Entity {number}") for number, entity in enumerate(entities, 1))
    names = [one.name for one in found]
    relations = tuple(_relation(one, names, f"Relationship {number}") for number, one in enumerate(relationships, 1))
    given = {"name": named, "entities": list(map(dict, entities)), "relationships": list(map(dict, relationships))}
    text = json.dumps(given, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Record(named, found, relations, text)


def _found(entity: Mapping[str, Any], what: str) -> Found:
    _only(entity, ("type", "name", "fields"), what)
    type, fields = entity.get("type"), entity.get("fields", {})
    if not isinstance(type, str) or not TYPE.fullmatch(type):
        raise Invalid(
            "bad_type", f"{what} needs a type of 1 to {LONGEST_TYPE} small letters, digits and _, such as contact."
        )
    if not isinstance(fields, Mapping) or len(fields) > MOST_FIELDS:
        message = f"{what} takes fields as an object of at most {MOST_FIELDS} names with values. Divide it."
        raise Invalid("bad_fields", message)
    name = _name(entity.get("name"), f"{what}'s name")
    return Found(
        type, name, {_name(key, f"{what}'s field"): values.typed(fields[key], _of(what, key)) for key in fields}
    )


def _relation(given: Mapping[str, Any], names: Sequence[str], what: str) -> Relation:
    _only(given, ("type", "from", "to"), what)
    type = given.get("type")
    if not isinstance(type, str) or not LINK_TYPE.fullmatch(type):
        message = f"{what} needs a type of 1 to 40 small letters and underscores, such as part_of."
        raise Invalid("bad_type", message)
    relation = Relation(type, *(_end(given.get(key), names, f"{what}'s {key}") for key in ("from", "to")))
    if relation.start == relation.end:
        raise Invalid("same_entity", f"{what} relates an entity to itself. Name another one.")
    return relation


def _end(given: object, names: Sequence[str], what: str) -> int | str:
    match given:
        case bool():
            pass
        case int() if 0 <= given < len(names):
            return given
        case str() if names.count(given.strip()) == 1:
            return names.index(given.strip())
        case str() if ENTITY_ID.fullmatch(given):
            return given
    message = f"{what} names no entity. Send its position in this record, from 0, or its name, or a known id."
    raise Invalid("bad_end", message)


def _listed(given: object, what: str, least: int, most: int) -> None:
    if not isinstance(given, Sequence) or isinstance(given, str) or not least <= len(given) <= most:
        raise Invalid("bad_record", f"A record has a list of {least} to {most} {what}. Divide it into several.")
    if not all(isinstance(one, Mapping) for one in given):
        raise Invalid("bad_record", f"Each of the {what} is an object. See the documentation of this call.")


def _only(given: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    if unknown := sorted(set(given) - set(known)):
        message = f"{what} has {values.shown(unknown[0])}, which nobody reads. It takes {', '.join(known)}."
        raise Invalid("unknown_field", message)


def _name(given: object, what: str) -> str:
    if not isinstance(given, str):
        raise Invalid("bad_name", f"{what} is a text of 1 to {LONGEST_NAME} characters. Send one.")
    if not given.strip():
        raise Invalid("bad_name", f"{what} is missing: the text is empty. Send 1 to {LONGEST_NAME} characters.")
    return values.storable(given.strip(), what, LONGEST_NAME)


def _of(what: str, key: str) -> str:
    return f"{what}'s field {values.shown(key)}"
