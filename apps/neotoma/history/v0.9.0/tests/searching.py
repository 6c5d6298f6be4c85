"""What search promises in this version: any piece of the text, in any case, taken literally."""

from checks import Client, expect


def _names(client: Client, query: str) -> list[str]:
    results = client.get(f"/search?q={query}").json["results"]
    return [hit["name"] for hit in results if hit["name"].startswith("integration-")]


def search_finds_any_piece_in_any_case(client: Client) -> None:
    """A piece of a word will do."""
    expect(_names(client, "UOKKA+SMI"), ["integration-1.txt"], "UOKKA SMI")
    expect(_names(client, "quokkas"), [], "quokkas")


def search_takes_signs_literally(client: Client) -> None:
    """Percent and underscore stand for themselves."""
    expect(_names(client, "quokka%25smiles"), [], "percent")
    expect(_names(client, "quokka_smiles"), [], "underscore")


CHECKS = [search_finds_any_piece_in_any_case, search_takes_signs_literally]
