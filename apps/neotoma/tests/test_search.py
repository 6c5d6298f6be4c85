"""Search, against the database: what is found, in which order, and what never makes it stumble."""

import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_search import Library
from hypothesis import given, settings
from hypothesis import strategies as st

from neotoma.extraction.model import LONGEST_CHUNK
from neotoma.memory.errors import Invalid
from neotoma.memory.search import LONGEST_QUERY


@pytest.fixture
def library(current_database: Database) -> Library:
    return Library(current_database)


def test_words_are_found_in_their_other_forms_and_a_phrase_only_as_it_is(library: Library) -> None:
    paid, due = library.put("The invoices were paid late"), library.put("Late fees: the invoice is due")

    assert set(library.ids("invoice")) == {paid, due}
    assert library.ids('"paid late"') == [paid]
    assert library.ids("invoice -paid") == [due]
    assert set(library.ids("paid or due")) == {paid, due}
    assert library.ids("-paid") == [due]


def test_the_best_passage_of_a_source_stands_for_it_with_its_place_and_what_matched(library: Library) -> None:
    library.put("a garden", "the garden, a garden, my garden: gardening", "one garden")

    (hit,) = library.ask("garden")

    assert hit.place == "page 2"
    assert [text for text, matched in hit.parts if matched] == ["garden", "garden", "garden", "gardening"]
    assert hit.snippet == "the garden, a garden, my garden: gardening"
    assert hit.rank > 0


def test_better_answers_come_first_and_equal_ones_newest_first(library: Library) -> None:
    first, second = library.put("a heron"), library.put("a heron")
    best = library.put("heron and heron and heron")
    last = library.put("a heron")

    assert library.ids("heron") == [best, last, second, first]
    assert library.ids("heron", limit=2) == [best, last]


def test_a_document_type_narrows_the_search_also_when_it_is_known_later(library: Library) -> None:
    bill, letter = library.put("pay the rent", type="invoice"), library.put("pay the rent", type="letter")
    assert library.ids("rent", type="invoice") == [bill]

    with library.connected() as connection:
        connection.execute("UPDATE sources SET document_type = 'invoice' WHERE id = %s", (letter,))

    assert library.ids("rent", type="invoice") == [letter, bill]
    assert library.ids("rent", type="letter") == []
    assert library.ids("rent", type="'x' | \\") == []


def test_marks_in_a_text_itself_are_not_taken_for_a_match(library: Library) -> None:
    library.put("\ue000not this\ue001 but a heron")

    (hit,) = library.ask("heron")

    assert [text for text, matched in hit.parts if matched] == ["heron"]


def test_only_the_newest_500_passages_are_ranked_wherever_they_are_found(library: Library) -> None:
    """The older and far better one is left out; a rarer word, in its last words, finds it."""
    old = library.put("heron heron heron heron and an egret")
    new = [library.put(*(["one heron"] * 100)) for _ in range(5)]

    assert library.ids("heron") == new[::-1]
    assert library.ids("heron egret") == [old]


def test_the_same_is_found_in_however_many_ages_it_is(library: Library) -> None:
    """Numbers far apart, as in a memory beside busy ones: each is of another age in all three sizes."""
    ids = []
    for _ in range(6):
        library.database.query(
            "SELECT setval('chunks_number', (SELECT last_value + 50000 FROM chunks_number))", "owner"
        )
        ids.append(library.put("a heron"))

    assert library.ids("heron") == ids[::-1]


def test_what_is_old_is_found_beside_some_hundred_that_are_new(library: Library) -> None:
    """The new ones are too few to be all that is looked at, and are not counted twice for being in every age."""
    old = library.put("a heron")
    library.database.query("SELECT setval('chunks_number', (SELECT last_value + 40000 FROM chunks_number))", "owner")
    new = [library.put(*(["a heron"] * 100)) for _ in range(3)]

    assert library.ids("heron") == [*new[::-1], old]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "no_query"),
        (" \n", "no_query"),
        ("a\0b", "bad_query"),
        ("\ud800", "bad_query"),
        ("x" * 10_000, "query_too_long"),
    ],
)
def test_what_is_no_query_is_refused_in_words(library: Library, query: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        library.ask(query)

    assert refused.value.code == code


@pytest.mark.parametrize(
    "query", ["the", "-the", "and or not", "!!!", '""', "'", "\\", ":*", "a & | b", "<->", "%", "-", "😀"]
)
def test_a_query_of_nothing_finds_nothing(library: Library, query: str) -> None:
    library.put("the heron")

    assert library.ask(query) == []


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_a_limit_out_of_range_is_refused(library: Library, limit: int) -> None:
    with pytest.raises(Invalid, match="use 1 to 100"):
        library.ask("heron", limit=limit)


@pytest.fixture(scope="module")
def crowded(current_database: Database) -> Library:
    library = Library(current_database)
    library.put("the heron stood still: 12.30 EUR, https://example.org/a?b=c 'quoted' back\\slash")
    return library


@settings(max_examples=60, deadline=None)
@given(query=st.text(max_size=LONGEST_QUERY), type=st.none() | st.text(max_size=300))
def test_no_query_makes_it_stumble(crowded: Library, query: str, type: str | None) -> None:
    try:
        hits = crowded.ask(query, type=type)
    except Invalid:
        return
    assert len(hits) <= 1


LONG = {
    "words of four bytes": "𐐨𐐩𐐪 " * 1000,
    "one word of four bytes": "𐐨" * LONGEST_CHUNK,
    "different words of four bytes": "".join(
        f"{chr(0x10428 + i % 40)}{chr(0x10428 + i // 40 % 40)}{i} " for i in range(1000)
    ),
    "hyphens": "-".join(f"a{i}" for i in range(1000)),
    "one letter words": " ".join(chr(0x4E00 + i) for i in range(2000)),
    "addresses": " ".join(f"x{i}.example.org/a/b{i}" for i in range(200)),
    "numbers": " ".join(str(i) for i in range(1000)),
}


@pytest.mark.parametrize("kind", LONG)
def test_no_chunk_comes_near_what_a_tsvector_can_hold(library: Library, kind: str) -> None:
    """The limit is 1,048,575 bytes. Ten chunks in one would not reach it either."""
    text = LONG[kind][:LONGEST_CHUNK]
    library.put((text + " ") * 10)
    with library.connected() as connection:
        ((size, largest),) = connection.execute(
            "SELECT pg_column_size(to_tsvector('english', %s)), max(pg_column_size(words)) FROM chunks", (text,)
        ).fetchall()

    assert size < 150_000
    assert largest < 1_048_575


def test_a_text_longer_than_any_chunk_is_stored_and_found_by_its_beginning(library: Library) -> None:
    id = library.put("heron " + " ".join(f"word{number}" for number in range(400_000)))

    assert library.ids("heron") == [id]
    assert library.ids("word399999") == []
