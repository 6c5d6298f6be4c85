"""From lines or rows to entities and the links between them."""

import hashlib
import re
from collections.abc import Mapping, Sequence

from neotoma.extraction import labels, types, values
from neotoma.extraction.lines import Line, Part
from neotoma.extraction.model import Chunk, Extraction, Found, Link
from neotoma.extraction.shapes import PARTY, DocumentType, Told
from neotoma.memory.identity import normalised
from neotoma.memory.model import Field

RECOGNISED_BY = 2  # different patterns
RECOGNISED_IN = 20_000  # characters; what a document is shows early
LONGEST_TITLE = 120
LONGEST_NAME = 200
DIGITS = 8

_LEGAL_FORM = re.compile(
    r"\b(?:gmbh|ag|kg|ohg|ug|se|ltd|limited|inc|incorporated|llc|llp|plc|corp|corporation|co|company|s\.?a|s\.?r\.?l|"
    r"b\.?v|n\.?v|oy|ab|as|e\.?v|university|college|school|bank|group|clinic|hospital|institute|foundation|"
    r"association|society|council|ministry|studio|hotel|airlines?|insurance|stores?|shop|market|"
    r"works|engines|partners|systems|solutions|services|supplies|tools|paper|media|consulting|energy|foods|industries|"
    r"laborator(?:y|ies)|labs?|software|press|books|city|department|office|club|museum|theat(?:re|er))\b\.?",
    re.IGNORECASE,
)


class Findings:
    """Entities, each once by type and name, and links between them. What was said first of a field stays."""

    def __init__(self) -> None:
        self._entities: list[Found] = []
        self._links: dict[Link, None] = {}
        self._indexes: dict[tuple[str, str], int] = {}

    def add(self, type: str, name: str, fields: Mapping[str, Field]) -> int:
        """The position of the entity."""
        key = (type, normalised(name))
        if key not in self._indexes:
            self._indexes[key] = len(self._entities)
            self._entities.append(Found(type, name, dict(fields)))
        else:
            known = self._entities[self._indexes[key]]
            self._entities[self._indexes[key]] = Found(type, known.name, {**fields, **known.fields})
        return self._indexes[key]

    def has(self, type: str, name: str) -> bool:
        """Whether an entity of this type and name is there."""
        return (type, normalised(name)) in self._indexes

    def link(self, type: str, from_index: int, to_index: int) -> None:
        """Say that the one has this relation to the other; nothing has one to itself."""
        if from_index != to_index:
            self._links[Link(type, from_index, to_index)] = None

    def extraction(self, title: str, chunks: Sequence[Chunk]) -> Extraction:
        """All of it; the first entity that was added is the document."""
        return Extraction(self._entities[0].type, title, tuple(chunks), tuple(self._entities), tuple(self._links))


def from_lines(lines: Sequence[Line], chunks: Sequence[Chunk], part: Part | None = None) -> Extraction:
    """What a text says: the document, and those whom it names. ``part`` is told if this is not all of it."""
    kind = recognised("\n".join(line.text for line in lines)[:RECOGNISED_IN])
    told = labels.told(kind, lines, values.Habits.of(line.text for line in lines[: labels.MOST_LINES]))
    heading = title_line(kind, lines)
    known = _joined(told, kind.named_by)
    title = shortened(f"{kind.name.replace('_', ' ').capitalize()} {known}" if known else heading.text, LONGEST_TITLE)
    name = shortened(known, LONGEST_NAME) if known else unnamed(title, chunks, part)
    findings = Findings()
    fields = {"title": Field(title, "text", heading.place), **told, **only_read(part)}
    document = findings.add(kind.name, name, fields)
    for field in kind.told:
        if field.entity and field.name in told:
            _relate(findings, document, field, told)
    return findings.extraction(title, chunks)


def recognised(text: str) -> DocumentType:
    """The type with most different patterns in the text, two at least; the earlier one of equals."""
    counts = [sum(1 for pattern in kind.expressions if pattern.search(text)) for kind in types.TYPES]
    most = max(counts)
    return types.TYPES[counts.index(most)] if most >= RECOGNISED_BY else types.DOCUMENT


def title_line(kind: DocumentType, lines: Sequence[Line]) -> Line:
    """The first line that says more than what kind of document it is."""
    telling = (line for line in lines[:10] if not kind.heading_expression.fullmatch(line.text))
    return next((line for line in telling if normalised(line.text)), lines[0])


def only_read(part: Part | None) -> Mapping[str, Field]:
    """The field that says so if the document was not read to its end."""
    return {"text_read": Field(part.read, "text", part.place)} if part else {}


def unnamed(title: str, chunks: Sequence[Chunk], part: Part | None = None) -> str:
    """A name for a document that does not tell one: two that only share their beginning are not the same."""
    read = "\0".join(chunk.text for chunk in chunks)
    digest = part.sha256 if part else hashlib.sha256(read.encode()).hexdigest()
    return f"{title} ({digest[:DIGITS]})"


def shortened(text: str, most: int) -> str:
    """The text on one line, cut between words."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    cut = text.rfind(" ", most // 2, most)
    return text[: cut if cut > 0 else most - 1] + "…"


def _joined(told: Mapping[str, Field], names: Sequence[str]) -> str:
    """The values of all these fields; nothing if there are none, or one is missing."""
    return " ".join(told[name].value for name in names) if all(name in told for name in names) else ""


def _relate(findings: Findings, document: int, field: Told, told: Mapping[str, Field]) -> None:
    value = told[field.name]
    name = _joined(told, field.named or (field.name,))
    if not name:
        return
    type = party(name) if field.entity == PARTY else field.entity
    own = field.name.removeprefix(f"{type}_") if field.named else "name"
    findings.link(field.link, document, findings.add(type, shortened(name, LONGEST_NAME), {own: value}))


def party(name: str) -> str:
    """``person`` for two to four capitalised words that hold no word of a company; else ``organisation``."""
    words = name.split()
    named = 2 <= len(words) <= 4 and all(word[0].isupper() and not any(map(str.isdigit, word)) for word in words)
    return "person" if named and not _LEGAL_FORM.search(name) else "organisation"
