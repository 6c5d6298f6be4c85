"""Phrases: the index is asked for the words that follow each other, and nothing is lost or gained by that."""

import psycopg
import pytest
from apps.neotoma.tests.support import Database
from apps.neotoma.tests.support_search import Library
from hypothesis import given, settings
from hypothesis import strategies as st

WORDS = (
    "heron",
    "egrets",
    "the",
    "of",
    "and",
    "it's",
    "zoo-keeper",
    "example.org/it's/b",
    "12.30",
    "a\\b",
    "naïve",
    "鷺",
)
OPERATORS = ("", "-", "or ")
texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
phrases = st.builds('{}"{}"'.format, st.sampled_from(OPERATORS), texts)
queries = st.lists(phrases | st.sampled_from(WORDS), max_size=4).map(" ".join)


@pytest.fixture(scope="module")
def shelf(current_database: Database) -> Library:
    return Library(current_database)


@settings(max_examples=150, deadline=None)
@given(documents=st.lists(texts, min_size=1, max_size=4), query=queries)
def test_the_same_is_found_as_by_reading_every_text(shelf: Library, documents: list[str], query: str) -> None:
    """Whatever is asked: phrases, those that may not be there, one of two, with stop words and compounds in them."""
    with shelf.connected() as connection:
        connection.execute("DELETE FROM sources")
    shelf.count = 0
    written = {shelf.put(text): text for text in documents}
    asked = "SELECT to_tsvector('english', %s) @@ query FROM websearch_to_tsquery('english', %s) query"
    with shelf.connected() as connection:
        plain = {id for id, text in written.items() if connection.execute(asked, (text, query)).fetchone() == (True,)}

    assert set(shelf.ids(query) if query.strip() else []) == plain


@pytest.mark.parametrize(
    ("phrase", "found"),
    [
        ('"grey heron"', ["at the beginning", "in the middle"]),
        ('"bank of america"', ["stop word"]),
        ('"one grey heron flies"', ["in the middle"]),
        ('-"grey heron" heron', ["apart"]),
        ('"grey heron" -"one grey"', ["at the beginning"]),
        ('"heron grey" or "america bank" or "bank america"', []),
    ],
)
def test_a_phrase_is_its_words_in_their_order(current_database: Database, phrase: str, found: list[str]) -> None:
    library = Library(current_database)
    places = {
        library.put("grey heron"): "at the beginning",
        library.put("then one grey heron flies away"): "in the middle",
        library.put("a heron, not grey"): "apart",
        library.put("the bank of america"): "stop word",
    }

    assert sorted(places[id] for id in library.ids(phrase)) == found


def test_a_phrase_of_words_that_are_everywhere_is_looked_for_in_few_chunks(current_database: Database) -> None:
    """The index itself says where it may be: of 300 chunks with both words, none is read for nothing."""
    library = Library(current_database)
    library.put(*([f"kestrel {number} merlin" for number in range(300)]), "kestrel merlin")
    query = "query_pairs(websearch_to_tsquery('english', '\"kestrel merlin\"'))"
    with psycopg.connect(current_database.url("owner")) as connection:
        connection.execute("SET enable_seqscan = off")
        asked = f"EXPLAIN (ANALYZE, FORMAT json) SELECT place FROM chunks WHERE words @@ {query}"
        (([plan],),) = connection.execute(asked.encode()).fetchall()
        scan = plan["Plan"]

    assert (scan["Node Type"], scan["Actual Rows"]) == ("Bitmap Heap Scan", 1)
    assert scan["Rows Removed by Index Recheck"] == 0


@pytest.mark.parametrize("text", ["a-1 ", "heron ", "heron egret ", "x1.example.org/a/b "])
def test_the_words_of_the_longest_text_are_read_in_time(current_database: Database, text: str) -> None:
    with psycopg.connect(current_database.url("owner")) as connection:
        connection.execute("SET statement_timeout = '5s'")
        connection.execute("SELECT chunk_words(repeat(%s, 20000), NULL, NULL, 1)", (text,))
