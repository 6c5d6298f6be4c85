"""Mistakes between the parts of a release manifest: told from the raw document, so that one does not hide another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from goaround.config.crosschecks import Mistake

_LISTS = ("features", "acceptance", "pre_mortem")


def check_manifest(document: dict[str, Any], folder: str = "") -> Iterator[Mistake]:
    """Every such mistake as its place and a sentence. ``folder``: the one that the manifest is in, if that counts."""
    version = document.get("version")
    if folder and isinstance(version, str) and version != folder:
        yield ("version",), f"version is {version}, its folder says {folder} — they have to be the same"
    for name in _LISTS:
        yield from _used_twice(name, _tables(document, name))
    units = _tables(document, "features")
    yield from _unknown(units)
    yield from _untested(units)
    # Of two units with one id the first is meant by it.
    first = list({unit["id"]: (index, unit) for index, unit in reversed(units)}.values())[::-1]
    yield from _cycles(first)
    yield from _too_early(first)


def _tables(document: Mapping[str, Any], name: str) -> list[tuple[int, Mapping[str, Any]]]:
    """The tables of an array with an id, each with its index. What is no table is told elsewhere."""
    items = document.get(name)
    found = enumerate(items if isinstance(items, list) else ())
    return [(index, item) for index, item in found if isinstance(item, dict) and isinstance(item.get("id"), str)]


def _needed(unit: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """What a unit depends on, with the index."""
    items = unit.get("depends_on")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, str):
            yield index, item


def _used_twice(name: str, items: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[Mistake]:
    seen: set[str] = set()
    for index, item in items:
        if item["id"] in seen:
            yield (name, index, "id"), f"id {item['id']!r} is used twice in {name} — choose another"
        seen.add(item["id"])


def _unknown(units: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[Mistake]:
    known = {unit["id"] for _, unit in units}
    for index, unit in units:
        for place, needed in _needed(unit):
            if needed not in known:
                there = ", ".join(sorted(known))
                path = ("features", index, "depends_on", place)
                yield (
                    path,
                    f"{unit['id']} depends on {needed!r}, which is no unit of this release — known here: {there}",
                )


def _cycles(units: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[Mistake]:
    """Each circle once, where the first of its units in the file enters it."""
    needs = {unit["id"]: [needed for _, needed in _needed(unit)] for _, unit in units}
    told: set[str] = set()
    for index, unit in units:
        circle = _way(needs, unit["id"])
        if circle is None or told.intersection(circle):
            continue
        told.update(circle)
        place = next(place for place, needed in _needed(unit) if needed == circle[1])
        path = ("features", index, "depends_on", place)
        yield path, f"units depend on each other in a circle: {' → '.join(circle)} — leave one of them out"


def _way(needs: Mapping[str, Sequence[str]], start: str) -> list[str] | None:
    """The shortest way from a unit back to itself; None if there is none."""
    ways, seen = [[start]], set[str]()
    for way in ways:  # grows while it is walked
        for needed in needs.get(way[-1], ()):
            if needed == start:
                return [*way, start]
            if needed not in seen:
                seen.add(needed)
                ways.append([*way, needed])
    return None


def _too_early(units: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[Mistake]:
    status = {unit["id"]: unit.get("status", "planned") for _, unit in units}
    for index, unit in units:
        if unit.get("status") != "completed":
            continue
        for place, needed in _needed(unit):
            if needed != unit["id"] and status.get(needed, "completed") != "completed":
                path = ("features", index, "depends_on", place)
                says = f"{unit['id']} is completed, and {needed!r} that it depends on is {status[needed]}"
                yield path, f"{says} — complete that first, or correct one of the two"


def _untested(units: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[Mistake]:
    for index, unit in units:
        if unit.get("priority") == "P0" and unit.get("tests", []) == []:
            yield (
                ("features", index, "tests"),
                f"{unit['id']} is P0 and has no tests — name at least one in tests, or lower its priority",
            )
