"""What pydantic found, in sentences of our own. Values are never repeated here: one of them may be a secret."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin

from goaround.config.fields import Table
from goaround.config.locate import Path

_EXPECTED = {
    "string_type": 'text in quotes, such as "..."',
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "float_type": "a number",
    "date_type": "a day without quotes, such as 2026-12-21",
    "date_from_datetime_inexact": "a day without a time, such as 2026-12-21",
    "tuple_type": "a list in [ ]",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


def sentence(model: type[Table], document: Mapping[str, Any], kind: str, path: Path, context: Mapping[str, Any]) -> str:
    """What is wrong — what to do."""
    name = ".".join(str(part) for part in path)
    match kind:
        case "missing":
            return _missing(model, path)
        case "extra_forbidden":
            return _unknown(model, path)
        case "value_error":
            return f"{name}: {context['error']}" if path else str(context["error"])
        case "literal_error":
            return f"{name} has a value that is not known — write {context['expected']}"
        case "greater_than_equal":
            return f"{name} is too small — write at least {context['ge']}"
        case "too_short":
            return f"{name} is empty — name at least {context['min_length']}"
        case _ if kind in _EXPECTED:
            return f"{name} is {_found(document, path)} — write {_EXPECTED[kind]}"
    return f"{name} is not understood ({kind.replace('_', ' ')}) — see the configuration reference"


def _missing(model: type[Table], path: Path) -> str:
    *parent, key = (part for part in path if isinstance(part, str))
    where = f"in [{'.'.join(parent)}]" if parent else "at the top of the file, before any [table]"
    if _table_at(model, path) is not None:
        return f"the table [{'.'.join((*parent, key))}] is missing — add it"
    return f"{key} is missing — set it {where}"


def _unknown(model: type[Table], path: Path) -> str:
    *parent, key = path
    table = _table_at(model, tuple(parent))
    known = sorted(_keys(table)) if table else []
    close = get_close_matches(str(key), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
    where = f" in [{'.'.join(str(part) for part in parent)}]" if parent else ""
    return f"unknown key {key}{where} — {hint}"


def _keys(table: type[Table]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in table.model_fields.items()}


def _table_at(model: type[Table], path: Path) -> type[Table] | None:
    """The model of the table at this path; None if something else is there."""
    found: type[Table] | None = model
    for part in path:
        if isinstance(part, int):
            continue  # an item of an array has the model of the array
        found = _table_in(_keys(found).get(part)) if found else None
    return found


def _table_in(annotation: Any) -> type[Table] | None:
    """The model that an annotation such as ``Hold | None`` or ``tuple[Notice, ...]`` is about."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation
    if get_origin(annotation) in (UnionType, Union, tuple):
        return next((table for inner in get_args(annotation) if (table := _table_in(inner))), None)
    return None


def _found(document: Mapping[str, Any], path: Path) -> str:
    value: Any = document
    for part in path:
        value = value[part]
    kinds = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a date or time")
