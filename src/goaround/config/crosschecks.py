"""Mistakes that lie between values: told from the raw document, so that one mistake does not hide another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from goaround.config.fields import parse_listen, parse_slot_ports
from goaround.config.locate import Path
from goaround.config.references import has_url_password, looks_secret

Mistake = tuple[Path, str]


def crosscheck(document: dict[str, Any]) -> Iterator[Mistake]:
    """Every such mistake as its place and a sentence."""
    yield from _ports(document)
    yield from _secrets(document)
    yield from _databases(document)
    yield from _checklist(document)


def _environments(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    environments = document.get("environments")
    for name in ("staging", "production"):
        if isinstance(environments, dict) and isinstance(environments.get(name), dict):
            yield name, environments[name]


def _ports(document: dict[str, Any]) -> Iterator[Mistake]:
    """All slots and front doors share one machine, whatever addresses they listen on."""
    seen: dict[int, str] = {}
    for path, port in _used_ports(document):
        place = ".".join(str(part) for part in path)
        if not 1 <= port <= 65535:
            yield path, f"the default slot ports after {path[1]}'s listen would be past 65535 — set slot_ports"
        elif port in seen:
            yield path, f"port {port} is used twice, here for {place} — {seen[port]} has it already, choose another"
        seen.setdefault(port, place)


def _used_ports(document: dict[str, Any]) -> Iterator[tuple[Path, int]]:
    for name, table in _environments(document):
        here: Path = ("environments", name)
        try:
            port = parse_listen(table.get("listen")).port
        except ValueError:
            continue  # told where the value itself is read
        yield (*here, "listen"), port
        try:
            slots = parse_slot_ports(table.get("slot_ports", [port + 1, port + 2]))
        except ValueError:
            if "slot_ports" not in table:
                yield (*here, "slot_ports"), port + 2
            continue
        for index, slot in enumerate(slots):
            yield (*here, "slot_ports", index), slot


def _secrets(document: dict[str, Any]) -> Iterator[Mistake]:
    for path, text in _texts(document, ()):
        if has_url_password(text):
            yield path, "a password in a URL — keep it out of this file: write env:NAME, file:/path or cmd:..."
        elif len(path) == 4 and path[0] == "environments" and path[2] == "env" and looks_secret(str(path[3]), text):
            yield path, f"{path[3]} looks like a secret — keep it out of this file: write env:{path[3]}, file: or cmd:"


def _texts(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    match value:
        case str():
            yield path, value
        case dict():
            for key, inner in value.items():
                yield from _texts(inner, (*path, key))
        case list():
            for index, inner in enumerate(value):
                yield from _texts(inner, (*path, index))


def _databases(document: dict[str, Any]) -> Iterator[Mistake]:
    for name, table in _environments(document):
        if "migration_database" in table and table.get("database", "embedded") == "embedded":
            path: Path = ("environments", name, "migration_database")
            yield path, "the embedded database makes its own migration role — leave this out, or set database as well"
    match [table.get("database") for _, table in _environments(document)]:
        case [str(staging), str(production)] if staging == production != "embedded":
            path = ("environments", "production", "database")
            yield path, f"staging and production share {production!r} — give each environment a database of its own"


def _checklist(document: dict[str, Any]) -> Iterator[Mistake]:
    match document:
        case {"validate": {"checklist": list(items)}}:
            seen: set[str] = set()
            for index, item in enumerate(items):
                name = item.get("id") if isinstance(item, dict) else None
                if isinstance(name, str) and name in seen:
                    yield ("validate", "checklist", index, "id"), f"id {name!r} is used twice — choose another"
                seen.add(str(name))
