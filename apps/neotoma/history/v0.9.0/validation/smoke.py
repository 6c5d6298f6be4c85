"""The core workflow in well under 30 seconds. Safe on production: its one file bears a fresh word and is deleted."""

import kit
import person
from kit import Client, expect, fresh_word


def health_is_ok(client: Client) -> None:
    """The service says it can serve."""
    answer = client.get("/health")
    expect((answer.status, (answer.json or {}).get("status")), (200, "ok"), "health")


def upload_find_read_and_delete(client: Client) -> None:
    """A file goes in, is read and found by a word of its own, and goes out again."""
    word = fresh_word()
    source = client.ready(f"{word}.txt", f"Kept by: {word}\nDelete me.\n".encode())
    found = client.get("/api/search", q=word[3:]).json["hits"]
    expect([hit["source"]["id"] for hit in found], [source["id"]], "search")
    expect(word in source["chunks"][0]["text"], True, "the text has the word")
    expect(client.delete(f"/api/sources/{source['id']}").status, 204, "delete")
    expect(client.get(f"/api/sources/{source['id']}").status, 404, "read after delete")
    expect(client.get("/api/search", q=word).json["hits"], [], "search after delete")


if __name__ == "__main__":
    kit.main("smoke", [health_is_ok, upload_find_read_and_delete], person.fresh)
