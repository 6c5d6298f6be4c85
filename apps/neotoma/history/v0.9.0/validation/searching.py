"""What search promises in this version: any piece of the text, in any case, taken literally."""

from kit import Client, expect, expect_refusal, fresh_word


def _found(client: Client, query: str) -> list[str]:
    return [hit["source"]["name"] for hit in client.get("/api/search", q=query).json["hits"]]


def search_finds_any_piece_in_any_case(client: Client) -> None:
    """A piece of a word will do."""
    word = fresh_word()
    client.ready(f"{word}.txt", f"Title\nThe quokka{word} smiles.\n".encode())
    expect(_found(client, f"OKKA{word.upper()} SMI"), [f"{word}.txt"], "a piece")
    expect(_found(client, f"quokkas{word}"), [], "no piece of it")


def search_takes_signs_literally(client: Client) -> None:
    """Percent, underscore and backslash stand for themselves."""
    word = fresh_word()
    client.ready(f"{word}.txt", f"{word} 100% a_b c\\d\n".encode())
    for query, wanted in {f"{word}%b": [], f"{word}_100": [], f"{word} 100% a_b c\\d": [f"{word}.txt"]}.items():
        expect(_found(client, query), wanted, query.replace(word, "WORD"))


def a_search_for_nothing_is_refused(client: Client) -> None:
    """With a word on what to do."""
    for query in ("", "   ", "x" * 501):
        expect_refusal(client.get("/api/search", q=query), range(400, 500), repr(query[:4]))


CHECKS = (search_finds_any_piece_in_any_case, search_takes_signs_literally, a_search_for_nothing_is_refused)
