"""The locator knows where every key of any TOML document stands."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goaround.config.locate import Locator, Path

KEYS = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,4}", fullmatch=True), st.text('ab."\\ #=[é', max_size=3))
TEXTS = st.text("ab \"'\\#=[]{},\n\té", max_size=8)
SCALARS = st.one_of(TEXTS, st.integers(-9, 99), st.booleans(), st.floats(allow_nan=False, width=16))
DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(KEYS, inner, max_size=3),
            st.lists(st.dictionaries(KEYS, inner, max_size=3), min_size=1, max_size=3),
        ),
        max_leaves=8,
    ),
    max_size=4,
)
FILLERS = ["", " ", "\t"]
BREAKS = ["", "\n", " # [a.b] = \"'\n", "\n\n  "]


class Writer:
    """Writes a document in one of its many forms and remembers where it put each key."""

    def __init__(self, choose: Callable[[list[Any]], Any]) -> None:
        self.choose = choose
        self.text = ""
        self.offsets: dict[Path, int] = {}

    def filler(self, among: list[str] = FILLERS) -> None:
        self.text += self.choose(among)

    def table(self, table: dict[str, Any], path: Path) -> None:
        later = []
        for key, value in table.items():
            form = self.choose(["inline", "dotted", "header"])
            if form == "header" and is_table_like(value):
                later.append((key, value))
            else:
                self.filler(BREAKS)
                self.pair(path, (key,), value, dotted=form == "dotted")
        for key, value in later:
            if isinstance(value, dict):
                self.header((*path, key), "[", "]")
                self.table(value, (*path, key))
            else:
                for index, item in enumerate(value):
                    self.offsets[*path, key, index] = self.header((*path, key), "[[", "]]")
                    self.table(item, (*path, key, index))

    def header(self, path: Path, before: str, after: str) -> int:
        self.filler(BREAKS)
        start = len(self.text)
        self.text += before
        self.keys((), path)
        self.text += after
        self.filler()
        self.text += "\n"
        return start

    def keys(self, base: Path, path: Path) -> None:
        here = base
        for index, part in enumerate(path):
            here = (*here, part)
            if isinstance(part, int):
                continue
            self.text += "." if index else ""
            self.filler()
            self.offsets.setdefault(here, len(self.text))
            bare = part and part.isascii() and all(c.isalnum() or c in "-_" for c in part)
            quoted = json.dumps(part, ensure_ascii=self.choose([True, False]))
            self.text += self.choose([part, quoted]) if bare else quoted
            self.filler()

    def pair(self, base: Path, path: Path, value: Any, *, dotted: bool, newline: bool = True) -> None:
        if dotted and isinstance(value, dict) and value:
            for key, inner in value.items():
                self.pair(base, (*path, key), inner, dotted=self.choose([True, False]))
            return
        self.keys(base, path)
        self.text += "="
        self.filler()
        self.value(value, (*base, *path))
        self.filler()
        self.text += self.choose(["\n", "# comment = {[\n"]) if newline else ""

    def value(self, value: Any, path: Path) -> None:
        match value:
            case str():
                self.text += self.choose(string_forms(value))
            case list():
                self.text += "["
                for index, item in enumerate(value):
                    self.filler(BREAKS)
                    self.offsets[*path, index] = len(self.text)
                    self.value(item, (*path, index))
                    self.filler(BREAKS)
                    self.text += "," if index < len(value) - 1 else self.choose(["", ","])
                self.filler(BREAKS)
                self.text += "]"
            case dict():
                self.text += "{"
                for index, (key, inner) in enumerate(value.items()):
                    self.text += "," if index else ""
                    self.pair(path, (key,), inner, dotted=False, newline=False)
                self.text += "}"
            case _:
                self.text += json.dumps(value).replace("Infinity", "inf")


def is_table_like(value: object) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
    )


def string_forms(text: str) -> list[str]:
    forms = [json.dumps(text), '"""\n' + text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"') + '"""']
    if "'" not in text and "\n" not in text:
        forms.append(f"'{text}'")
    if "'''" not in text:
        forms.append(f"'''\n{text}'''")
    return forms


@settings(max_examples=300)
@given(DOCUMENTS, st.data())
def test_every_key_and_item_is_found_where_it_was_written(document: dict[str, Any], data: st.DataObject) -> None:
    writer = Writer(lambda among: data.draw(st.sampled_from(among)))
    writer.table(document, ())
    assert tomllib.loads(writer.text) == document
    assert Locator(writer.text).offsets == writer.offsets


TEXT = """\
top = 1
[a.b]
c = { d = "x", e = [1, {f = 2}] }
[[items]]
id = 1
  [items.sub]
  g = 2
[[items]]
id.h = 3
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("top",), (1, 1)),
        (("a",), (2, 2)),
        (("a", "b", "c", "d"), (3, 7)),
        (("a", "b", "c", "e", 1, "f"), (3, 25)),
        (("items",), (4, 3)),
        (("items", 0), (4, 1)),
        (("items", 0, "sub", "g"), (7, 3)),
        (("items", 1, "id", "h"), (9, 4)),
    ],
)
def test_a_place_is_a_line_and_a_column_from_one(path: Path, place: tuple[int, int]) -> None:
    assert Locator(TEXT).of(path) == place


def test_what_is_not_there_is_placed_at_the_nearest_thing_around_it() -> None:
    assert Locator(TEXT).of(("items", 1, "ask")) == (8, 1)
    assert Locator(TEXT).of(("nowhere", "near")) == (1, 1)
