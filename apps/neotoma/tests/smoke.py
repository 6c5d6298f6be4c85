"""The core workflow on a running service. Safe on production: its one document bears a fresh word and is deleted."""

import uuid

import checks
from checks import Client, expect


def health_is_ok(client: Client) -> None:
    """The service says it can serve."""
    answer = client.get("/health")
    expect((answer.status, answer.json["status"]), (200, "ok"), "health")


def upload_find_read_and_delete(client: Client) -> None:
    """A document goes in, is found by a word of its own, is read and goes out again, whatever happens between."""
    word = "smoke" + "".join(chr(ord("a") + int(digit, 16)) for digit in uuid.uuid4().hex)
    uploaded = client.upload("smoke-test.txt", f"Kept by: {word}\nDelete me.\n".encode())
    expect(uploaded.status, 201, "upload")
    address = f"/documents/{uploaded.json['id']}"
    try:
        found = client.get(f"/search?q={word}")
        expect([hit["id"] for hit in found.json["results"]], [uploaded.json["id"]], "search")
        facts = client.get(address).json["facts"]
        expect(facts[0], {"place": "line 1", "text": f"Kept by: {word}"}, "first fact")
    finally:
        deleted = client.delete(address).status
    expect(deleted, 204, "delete")
    expect(client.get(address).status, 404, "read after delete")


if __name__ == "__main__":
    checks.main("smoke", [health_is_ok, upload_find_read_and_delete])
