"""Facts are found by rules alone, and any bytes give facts or a clear refusal."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neotoma.extraction import LONGEST_FACT, Extraction, Fact, Unreadable, extract
from neotoma.titles import LONGEST, title_of

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
CELLS = st.text("abc ,;\"'\n\t|é", min_size=1).filter(str.strip)


def facts(name: str, content: str | bytes) -> list[tuple[str, str]]:
    extraction = extract(name, content.encode() if isinstance(content, str) else content)
    return [(fact.place, fact.text) for fact in extraction.facts]


def test_lines_are_numbered_as_in_the_file() -> None:
    assert facts("a.txt", "\ufeffone\r\n\n  two\t words\n") == [("line 1", "one"), ("line 3", "two words")]


def test_rows_are_named_by_their_columns() -> None:
    assert facts("a.csv", 'name;born\n"A; B";1815\n;\nC;;x\n') == [
        ("row 2", "name: A; B; born: 1815"),
        ("row 4", "name: C; column 3: x"),
    ]


def test_a_delimiter_is_the_one_most_frequent_in_the_header() -> None:
    for delimiter in ",;\t":
        assert facts("a.csv", f"a{delimiter}b\n1{delimiter}2") == [("row 2", "a: 1; b: 2")]


def test_composed_and_decomposed_letters_give_the_same_facts() -> None:
    assert facts("a.txt", "Grüße") == facts("a.txt", "Gru\u0308ße")


def test_a_long_line_is_cut_between_words_and_loses_none() -> None:
    line = "word " * 5_000
    parts = [text for _, text in facts("a.txt", line)]
    assert max(map(len, parts)) <= LONGEST_FACT
    assert " ".join(parts).split() == line.split()
    assert "".join(text for _, text in facts("a.txt", "x" * 20_000)) == "x" * 20_000


@given(WORDS)
def test_text_gives_the_same_facts_every_time_and_keeps_every_word(text: str) -> None:
    try:
        first = extract("a.txt", text.encode())
    except Unreadable:
        assert text.startswith("%PDF-") or not "".join(text.split()).strip("\ufeff")
        return
    assert first == extract("a.txt", text.encode())
    assert extract("b.txt", first.text.encode()).text == first.text


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=5))
def test_every_cell_of_a_csv_file_is_in_its_rows_fact(rows: list[list[str]]) -> None:
    written = io.StringIO()
    csv.writer(written).writerows([["name", "born", "city", "note"], *rows])
    found = extract("a.csv", written.getvalue().encode()).facts
    assert [fact.place for fact in found] == [f"row {number}" for number in range(2, len(rows) + 2)]
    for row, fact in zip(rows, found, strict=True):
        for cell in row:
            assert " ".join(cell.split()) in fact.text


@pytest.mark.parametrize("ending", [".txt", ".csv", ".pdf"])
@settings(deadline=None)
@given(content=st.binary() | st.binary().map(lambda noise: b"%PDF-1.7\n" + noise + b"\n%%EOF"))
def test_any_bytes_give_facts_or_a_refusal(ending: str, content: bytes) -> None:
    try:
        extraction = extract("a" + ending, content)
    except Unreadable:
        return
    assert extraction.facts
    assert "\0" not in extraction.text


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_a_title_is_short_and_never_empty(text: str) -> None:
    for fact in (text, f"{text} and more words"):
        assert 0 < len(title_of(Extraction("text", (Fact("line 1", fact),)))) <= LONGEST
