"""The lines of an export: one JSON object each, of one key that says what it is. Reads and checks them.

Ids are hashes of what they name, so that a line proves its own id.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from neotoma.memory import identity
from neotoma.memory.errors import Invalid
from neotoma.memory.model import FIELD_TYPES, KINDS, Field
from neotoma.memory.records import LINK_TYPE
from neotoma.memory.values import is_text

LONGEST_LINE = 16 * 1024 * 1024
PARTS = ("memory", "source", "chunk", "entity", "observation", "relationship", "merge")
"""In this order, so that a line only refers to lines before it."""
VERSION = 1
HEX = re.compile(r"[0-9a-f]{64}")
CLOCKS_DIFFER = timedelta(minutes=1)
"""How far the clock of whoever exported may be ahead of ours. What is later is refused, for it would beat all new."""
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
Values = Mapping[str, Any]


def read(line: bytes) -> tuple[str, Values]:
    """What a line is, and its values. Raises Invalid."""
    if len(line) > LONGEST_LINE:
        raise _bad("a line is longer than 16 MB")
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or len(said) != 1:
        raise _bad("a line is no JSON object of one key")
    ((part, values),) = said.items()
    if part not in CHECKS or not isinstance(values, dict):
        raise _bad("a line is of no known kind")
    if set(values) != set(CHECKS[part]):
        raise _bad(f"a {part} has other fields than {', '.join(CHECKS[part])}")
    for name, check in CHECKS[part].items():
        if not check(values[name]):
            raise _bad(f"{name} of a {part} makes no sense")
    if "id" in values and values["id"] != IDS[part](values):
        raise _bad(f"the id of a {part} is not that of what it says")
    return part, values


def moment(text: str) -> datetime:
    """A checked time."""
    return datetime.fromisoformat(text)


def fields(stored: Mapping[str, Mapping[str, str]]) -> dict[str, Field]:
    """The checked fields of an observation."""
    return {name: Field(**field) for name, field in stored.items()}


def _bad(why: str) -> Invalid:
    return Invalid("bad_export", f"This is no export of a memory: {why}. Nothing was stored. Export it again.")


def _text(longest: int, least: int = 1) -> Callable[[object], bool]:
    return lambda given: isinstance(given, str) and least <= len(given) <= longest and is_text(given)


def _or_none(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda given: given is None or check(given)


def _one(*known: str) -> Callable[[object], bool]:
    return lambda given: isinstance(given, str) and given in known


def _like(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda given: isinstance(given, str) and pattern.fullmatch(given) is not None


def _count(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 2**31


def _time(given: object) -> bool:
    if not isinstance(given, str) or not TIME.fullmatch(given):
        return False
    try:
        return moment(given) <= datetime.now(UTC) + CLOCKS_DIFFER
    except ValueError:
        return False


def _fields(given: object) -> bool:
    checks = {"value": _text(100_000, 0), "type": _one(*FIELD_TYPES), "place": _text(1_000, 0)}
    return isinstance(given, dict) and all(
        _text(1_000)(name)
        and isinstance(field, dict)
        and set(field) == set(checks)
        and all(check(field[part]) for part, check in checks.items())
        for name, field in given.items()
    )


def _problem(given: object) -> bool:
    return isinstance(given, dict) and all(_text(100)(name) and _text(10_000)(text) for name, text in given.items())


def _periods(given: object) -> bool:
    return isinstance(given, list) and all(
        isinstance(one, list) and len(one) == 2 and all(map(_time, one)) for one in given
    )


def _sayers(given: object) -> bool:
    return isinstance(given, list) and all(one is None or ID(one) for one in given)


def _observation_id(values: Values) -> str:
    source, at = values["source_id"], moment(values["observed_at"])
    said = fields(values["fields"])
    return identity.observation_id(values["entity_id"], source, values["kind"], said, None if source else at)


ID = _text(64)
CHECKS: Mapping[str, Mapping[str, Callable[[object], bool]]] = {
    "memory": {"version": lambda given: given == VERSION},
    "source": {
        "id": ID,
        "sha256": _like(HEX),
        "name": _text(1_000),
        "media_type": _text(200),
        "bytes": _count,
        "kind": _one("file", "structured"),
        "status": _one("processing", "ready", "failed"),
        "document_type": _or_none(_text(200)),
        "title": _or_none(_text(10_000, 0)),
        "problem": _or_none(_problem),
        "created_at": _time,
    },
    "chunk": {"source_id": ID, "position": _count, "place": _text(1_000, 0), "text": _text(100_000, 0)},
    "entity": {"id": ID, "type": _text(200), "name": _text(10_000), "created_at": _time},
    "observation": {
        "id": ID,
        "entity_id": ID,
        "source_id": _or_none(ID),
        "kind": _one(*KINDS),
        "fields": _fields,
        "observed_at": _time,
    },
    "relationship": {
        "id": ID,
        "type": _like(LINK_TYPE),
        "from": ID,
        "to": ID,
        "source_id": _or_none(ID),
        "created_at": _time,
        "deleted_at": _or_none(_time),
        "said_by": _sayers,
        "periods": _periods,
    },
    "merge": {"from": ID, "into": ID, "merged_at": _time},
}
IDS: Mapping[str, Callable[[Values], str]] = {
    "source": lambda values: identity.source_id(values["sha256"]),
    "entity": lambda values: identity.entity_id(values["type"], values["name"]),
    "observation": _observation_id,
    "relationship": lambda values: identity.relationship_id(values["type"], values["from"], values["to"]),
}
