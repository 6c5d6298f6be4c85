"""The core workflow in well under 30 seconds. Safe on production: somebody comes, and goes with everything."""

import json

import kit
import person
from kit import Client, expect, fresh_word

TICKET = """{word} summer concert
Ticket
Date: 2026-07-18
Venue: Garden stage
Ticket no: {word}
Price: EUR 42.00
"""


def health_is_ok(client: Client) -> None:
    """The service says it can serve."""
    answer = client.get("/health")
    expect((answer.status, (answer.json or {}).get("status")), (200, "ok"), "health")


def upload_find_read_and_delete(client: Client) -> None:
    """A file goes in, is read and found by a word of its own; it has an entity and a day; it goes out again."""
    word = fresh_word()
    source = client.ready(f"{word}.txt", TICKET.format(word=word).encode())
    found = client.get("/api/search", q=word).json["hits"]
    expect([hit["source"]["id"] for hit in found], [source["id"]], "search")
    about = [client.get(f"/api/entities/{entity}").json for entity in source["entities"]]
    expect(any(word in json.dumps(entity).lower() for entity in about), True, "an entity that has the word")
    days = [event["at"] for event in client.get("/api/timeline").json["events"]]
    expect("2026-07-18" in days, True, f"the day of the ticket among {days}")
    expect(client.delete(f"/api/sources/{source['id']}").status, 204, "delete")
    expect(client.get(f"/api/sources/{source['id']}").status, 404, "read after delete")
    expect(client.get("/api/search", q=word).json["hits"], [], "search after delete")


if __name__ == "__main__":
    kit.main("smoke", [health_is_ok, upload_find_read_and_delete], person.fresh)
