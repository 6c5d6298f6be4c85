"""Text for measurements of neotoma: seeded, so that every run has the same; words as frequent as in any language."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from fpdf import FPDF

SYLLABLES = tuple(a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "ar", "en", "il", "on", "um"))
TYPES = ("invoice", "receipt", "contract", "bank_statement", "document")
WORDS = 30_000
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
OF_HALF = 40  # by rank: a word that is in about half of all documents
Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, and the words that a plain scan would look for (``without`` those that may not be there)."""

    kind: str
    text: str
    words: Sequence[str]
    without: Sequence[str] = ()


class Corpus:
    """An endless row of documents, always the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.words = vocabulary(WORDS)
        self.weights = list(itertools.accumulate(1 / (rank + 10) for rank in range(WORDS)))

    def text(self) -> str:
        """About 120 words in lines, with a date and an amount."""
        chosen = self.random.choices(self.words, cum_weights=self.weights, k=self.random.randint(60, 180))
        day = f"20{self.random.randint(10, 25)}-{self.random.randint(1, 12):02d}-{self.random.randint(1, 28):02d}"
        chosen.append(f"{day} total {self.random.randint(100, 99999) / 100:.2f} EUR")
        return "\n".join(" ".join(chosen[start : start + 10]) for start in range(0, len(chosen), 10))

    def documents(self, count: int) -> Iterator[list[str]]:
        """Documents of one to three chunks."""
        for _ in range(count):
            yield [self.text() for _ in range(self.random.randint(1, 3))]

    def queries(self, count: int) -> list[Query]:
        """The questions that people ask, all kinds in turn."""
        return [self._query(kind) for kind in itertools.islice(itertools.cycle(KINDS), count)]

    def _query(self, kind: str) -> Query:
        often = self.words[OF_HALF + self.random.randint(-10, 10)]
        other = self.words[OF_HALF + self.random.randint(20, 200)]
        rare = self.words[self.random.randint(5_000, WORDS - 1)]
        match kind:
            case "frequent":
                return Query(kind, often, [often])
            case "two_frequent":
                return Query(kind, f"{often} {other}", [often, other])
            case "frequent_and_rare":
                return Query(kind, f"{often} {rare}", [often, rare])
            case "rare":
                return Query(kind, rare, [rare])
            case "phrase":
                return Query(kind, f'"{often} {other}"', [f"{often} {other}"])
            case "without":
                return Query(kind, f"{other} -{often}", [other], [often])
            case "medium":
                medium = self.words[self.random.randint(500, 4_000)]
                return Query(kind, medium, [medium])
        raise ValueError(kind)


KINDS = ("frequent", "two_frequent", "frequent_and_rare", "rare", "phrase", "without", "medium")


def vocabulary(count: int) -> list[str]:
    """Different words that no stemmer makes equal, in no order."""
    pairs = itertools.product(SYLLABLES, repeat=3)
    words = ["".join(parts) + "k" for parts in itertools.islice(pairs, 0, None, 7)]
    random.Random(7).shuffle(words)
    return words[:count]


def fill(connection: Connection, user: str | None, documents: Iterator[list[str]], first: int = 0) -> None:
    """Store documents as the service would, by COPY. ``user`` None is the schema before there were users."""
    owner, who = ("user_id, ", [user]) if user else ("", [])
    chunks: list[tuple[str, int, str]] = []
    columns = f"{owner}id, sha256, name, media_type, bytes, kind, status, document_type, created_at"
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY sources ({columns}) FROM STDIN".encode()) as copy:
            for number, texts in enumerate(documents, start=first):
                sha256 = hashlib.sha256(f"{user} {number}".encode()).hexdigest()
                id, type = f"src_{sha256[:24]}", TYPES[number % len(TYPES)]
                at = BEGINNING + timedelta(microseconds=number)
                copy.write_row((*who, id, sha256, f"{number}.txt", "text/plain", 1000, "file", "ready", type, at))
                chunks += ((id, position, text) for position, text in enumerate(texts))
        with cursor.copy(f"COPY chunks ({owner}source_id, position, place, text) FROM STDIN".encode()) as copy:
            for id, position, text in chunks:
                copy.write_row((*who, id, position, f"page {position + 1}", text))


def pdf(corpus: Corpus) -> bytes:
    """One page."""
    document = FPDF()
    document.add_page()
    document.set_font("helvetica", size=10)
    document.multi_cell(0, 5, corpus.text())
    return bytes(document.output())


def text(corpus: Corpus) -> bytes:
    """Some lines."""
    return corpus.text().encode()


def table(corpus: Corpus) -> bytes:
    """Some payments."""
    rows = (line.split()[:3] for line in corpus.text().splitlines())
    lines = (f"2026-01-{n % 28 + 1:02d},{' '.join(words)},{n}.50 EUR" for n, words in enumerate(rows))
    return "\n".join(("date,payee,amount", *lines, "")).encode()


FILES: Mapping[str, Callable[[Corpus], bytes]] = {".txt": text, ".csv": table, ".pdf": pdf}
