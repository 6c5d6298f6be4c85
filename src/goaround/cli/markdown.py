"""Markdown for files that people and goaround both write: what is theirs stays as it is, byte for byte. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from goaround.domain.errors import Refused

BEGIN, END = "<!-- goaround:begin -->", "<!-- goaround:end -->"


def plain(text: str) -> str:
    """Somebody's words as one line that reads as it was said: no markup in it, and no marker."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    line = re.sub(r"[\\`*\[\]|~]", r"\\\g<0>", line)
    line = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", line)
    return re.sub(r"&(?=#?\w+;)", "&amp;", line).replace("<", "&lt;")


def code(text: str) -> str:
    """A command or digest as it is; in plain letters where it holds what would end it."""
    return plain(text) if not text.isprintable() or set("`|") & set(text) or "<!--" in text else f"`{text}`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def between(block: str) -> str:
    """What goaround wrote, within its markers."""
    assert BEGIN not in block
    assert END not in block
    return f"{BEGIN}\n{block}\n{END}"


def splice(document: bytes, block: str, name: str) -> bytes:
    """The document with this between its markers, and every byte outside them as it was.

    Raises ``Refused`` unless each marker is there once, in order: otherwise it is not known what is whose.
    """
    begin, end = BEGIN.encode(), END.encode()
    wrong = [
        f"{marker} is there {count} times" if count else f"{marker} is missing"
        for marker, count in ((BEGIN, document.count(begin)), (END, document.count(end)))
        if count != 1
    ]
    if not wrong and document.index(begin) > document.index(end):
        wrong = [f"{END} comes before {BEGIN}"]
    if wrong:
        raise Refused(
            f"{name} does not say which part of it is goaround's: {' and '.join(wrong)}",
            state="it is as it was",
            remedy=f"have {BEGIN} and below it {END} in it once each; what is between them is replaced",
        )
    before, after = document[: document.index(begin)], document[document.index(end) + len(end) :]
    return before + between(block).encode() + after
