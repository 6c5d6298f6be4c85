"""What search promises in this version: words in any form, phrases, exclusion, rank and snippets."""

from checks import Client, expect


def _names(client: Client, query: str) -> list[str]:
    results = client.get(f"/search?q={query}").json["results"]
    return [hit["name"] for hit in results if hit["name"].startswith("integration-")]


def search_knows_word_forms(client: Client) -> None:
    """A plural finds the singular."""
    expect(_names(client, "quokkas"), ["integration-1.txt"], "quokkas")


def search_knows_phrases_and_exclusion(client: Client) -> None:
    """Quotes keep words together, a minus leaves documents out."""
    expect(_names(client, "%22quokka+smiles%22"), ["integration-1.txt"], "phrase in order")
    expect(_names(client, "%22smiles+quokka%22"), [], "phrase out of order")
    expect(_names(client, "quokka+-smiles"), [], "exclusion")


def search_shows_the_place_and_the_title(client: Client) -> None:
    """A hit carries the words around the match."""
    hits = client.get("/search?q=quokka").json["results"]
    hit = next(hit for hit in hits if hit["name"] == "integration-1.txt")
    expect((hit["place"], hit["snippet"]), ("line 2", "The quokka smiles."), "hit")
    expect(hit["title"], "Integration title", "title")


CHECKS = [search_knows_word_forms, search_knows_phrases_and_exclusion, search_shows_the_place_and_the_title]
