"""What search promises in this version: words in any form, phrases, exclusion, types and snippets."""

from kit import Client, expect, expect_refusal, fresh_word

TEXT = "Integration title\nThe quokka smiles at {word}.\n"


def _found(client: Client, query: str, **more: str) -> list[str]:
    return [hit["source"]["name"] for hit in client.get("/api/search", q=query, **more).json["hits"]]


def search_knows_word_forms_phrases_and_exclusion(client: Client) -> None:
    """A plural finds the singular, quotes keep words together, a minus leaves sources out."""
    word = fresh_word()
    client.ready(f"{word}.txt", TEXT.format(word=word).encode())
    for query, wanted in {
        f"quokkas {word}": [f"{word}.txt"],
        f'"quokka smiles" {word}': [f"{word}.txt"],
        f'"smiles quokka" {word}': [],
        f"{word} -smiles": [],
        f"{word} or nothinglikethis": [f"{word}.txt"],
    }.items():
        expect(_found(client, query), wanted, query.replace(word, "WORD"))


def search_shows_the_place_and_what_matched(client: Client) -> None:
    """A hit carries the words around the match."""
    word = fresh_word()
    client.ready(f"{word}.txt", TEXT.format(word=word).encode())
    (hit,) = client.get("/api/search", q=word).json["hits"]
    expect(bool(hit["place"]), True, "place")
    expect("quokka smiles" in hit["snippet"], True, f"snippet {hit['snippet']!r}")
    expect([part["text"] for part in hit["parts"] if part["matched"]], [word], "what matched")


def search_filters_by_type(client: Client) -> None:
    """Only sources of that type."""
    word = fresh_word()
    source = client.ready(f"{word}.txt", TEXT.format(word=word).encode())
    expect(_found(client, word, type=source["document_type"]), [f"{word}.txt"], "its own type")
    expect(_found(client, word, type="payslip"), [], "another type")


def a_search_for_nothing_is_refused(client: Client) -> None:
    """With a word on what to do."""
    for query in ("", "   ", "x" * 501):
        expect_refusal(client.get("/api/search", q=query), range(400, 500), repr(query[:4]))


CHECKS = (
    search_knows_word_forms_phrases_and_exclusion,
    search_shows_the_place_and_what_matched,
    search_filters_by_type,
    a_search_for_nothing_is_refused,
)
