"""What the memory promises: entities with provenance, corrections that keep what was, no circles, a timeline."""

import hashlib
import io
import itertools
import tarfile
from typing import Any

import person
from kit import Client, expect, expect_refusal, fresh_word

INVOICE = """Invoice
Invoice number: {word}
Invoice date: 2026-03-05
Due date: 2026-04-04
From: Analytical Engines {word}
Bill to: Ada Lovelace
Total: EUR 1,234.50
"""


def _stored(client: Client, word: str, *names: str) -> list[str]:
    """The ids of people of these names, each with an e-mail address."""
    people = [
        {"type": "person", "name": f"{name} {word}", "fields": {"email": f"{name.lower()}@{word}.example"}}
        for name in names
    ]
    answer = client.post("/api/entities", {"name": f"people of {word}", "entities": people})
    expect(answer.status, 201, "store a record")
    client.stored.append(answer.json["source_id"])
    return list(answer.json["entity_ids"])


def _entity(client: Client, id: str, **query: str) -> dict[str, Any]:
    answer = client.get(f"/api/entities/{id}", **query)
    expect(answer.status, 200, f"entity {id}")
    return dict(answer.json)


def a_document_becomes_an_entity_with_provenance(client: Client) -> None:
    """Its type is known, and each field says in which source and where it stands."""
    word = fresh_word()
    source = client.ready(f"{word}.txt", INVOICE.format(word=word).encode())
    expect(source["document_type"], "invoice", "document type")
    (invoice,) = [one for one in (_entity(client, id) for id in source["entities"]) if one["type"] == "invoice"]
    expect(invoice["fields"]["total"]["value"], "1234.50 EUR", "total")
    (told,) = client.get(f"/api/entities/{invoice['id']}/provenance/total").json["provenance"]
    expect(told["source"]["id"], source["id"], "source of the total")
    expect(bool(told["observation"]["fields"]["total"]["place"]), True, "place of the total")


def entities_are_found_by_type_and_name(client: Client) -> None:
    """And counted by type."""
    word = fresh_word()
    ids = _stored(client, word, "Ada", "Ben")
    found = client.get("/api/entities", type="person", q=word).json["entities"]
    expect(sorted(one["id"] for one in found), sorted(ids), "people")
    types = {one["type"]: one["entities"] for one in client.get("/api/types").json["types"]}
    expect(types["person"] >= 2, True, "people counted")


def a_correction_holds_and_what_was_stays(client: Client) -> None:
    """The newest word of a person wins; the history has both; the state before can be asked for."""
    (id,) = _stored(client, fresh_word(), "Ada")
    before = _entity(client, id)
    said = client.get(f"/api/entities/{id}/observations").json["observations"]
    answer = client.post(f"/api/entities/{id}/corrections", {"fields": {"email": "ada@new.example"}})
    expect(answer.status, 200, "correct")
    expect(_entity(client, id)["fields"]["email"]["value"], "ada@new.example", "after")
    then = _entity(client, id, at=said[0]["observed_at"])
    expect(then["fields"], before["fields"], "as of before")
    kinds = [one["kind"] for one in client.get(f"/api/entities/{id}/observations").json["observations"]]
    expect(kinds, ["correction", "structured"], "history, newest first")


def what_is_deleted_can_be_restored(client: Client) -> None:
    """Hidden from lists meanwhile."""
    word = fresh_word()
    (id,) = _stored(client, word, "Ada")
    expect(client.delete(f"/api/entities/{id}").json["deleted"], True, "deleted")
    expect(client.get("/api/entities", q=word).json["entities"], [], "list while deleted")
    expect(client.post(f"/api/entities/{id}/restore", {}).json["deleted"], False, "restored")
    expect([one["id"] for one in client.get("/api/entities", q=word).json["entities"]], [id], "list afterwards")


def what_was_one_is_merged(client: Client) -> None:
    """Both ids lead to the one that stands for both."""
    ada, countess = _stored(client, fresh_word(), "Ada", "Countess")
    expect(client.post(f"/api/entities/{countess}/merge", {"into": ada}).json["id"], ada, "merge")
    expect(_entity(client, countess)["id"], ada, "the merged one")


def relationships_close_no_circle(client: Client) -> None:
    """What would is refused, of any length; other types may."""
    ids = _stored(client, fresh_word(), "Ada", "Ben", "Cora")
    for part, whole in itertools.pairwise(ids):
        expect(_related(client, "part_of", part, whole), 201, "part_of")
    expect_refusal(
        client.post("/api/relationships", {"type": "part_of", "from": ids[2], "to": ids[0]}), [409], "a circle"
    )
    expect([_related(client, "knows", *ids[:2]), _related(client, "knows", ids[1], ids[0])], [201, 201], "knows")
    related = client.get(f"/api/entities/{ids[0]}/relationships", type="part_of").json["related"]
    expect([pair["entity"]["id"] for pair in related], [ids[1]], "what is related")


def _related(client: Client, type: str, one: str, other: str) -> int:
    return client.post("/api/relationships", {"type": type, "from": one, "to": other}).status


def the_timeline_has_dates_in_order(client: Client) -> None:
    """Of one entity, of a range, in pages."""
    word = fresh_word()
    source = client.ready(f"{word}.txt", INVOICE.format(word=word).encode())
    (invoice,) = [id for id in source["entities"] if _entity(client, id)["type"] == "invoice"]
    events = client.get("/api/timeline", entity=invoice).json["events"]
    expect(sorted(event["at"] for event in events), ["2026-03-05", "2026-04-04"], "days of the invoice")
    april = client.get("/api/timeline", entity=invoice, start="2026-04-01", end="2026-04-30").json["events"]
    expect([event["at"] for event in april], ["2026-04-04"], "days in April")
    first = client.get("/api/timeline", entity=invoice, limit=1).json
    second = client.get("/api/timeline", entity=invoice, limit=1, cursor=first["next"]).json
    expect([*first["events"], *second["events"]], events, "two pages of one")


def everything_can_be_taken_along(client: Client) -> None:
    """The export has what was stored; brought to somebody else's memory it gives the same export there."""
    word = fresh_word()
    client.ready(f"{word}.txt", word.encode())
    _stored(client, word, "Ada")
    export = client.get("/api/export")
    expect(export.status, 200, "export")
    with tarfile.open(fileobj=io.BytesIO(export.body)) as archive:
        lines = archive.extractfile("memory.jsonl")
        expect(f"Ada {word}" in (lines.read().decode() if lines else ""), True, "the entity in the export")
        expect(
            f"files/{hashlib.sha256(word.encode()).hexdigest()}" in archive.getnames(), True, "the file in the export"
        )
    with person.fresh(client.base_url) as other:
        expect(other.request("POST", "/api/import", export.body, "application/x-tar").status, 200, "import")
        expect(other.get("/api/export").body == export.body, True, "an export of the import is the same")


def nonsense_is_refused(client: Client) -> None:
    """With the same shape everywhere."""
    nobody = "ent_000000000000000000000000"
    expect_refusal(client.get(f"/api/entities/{nobody}"), [404], "an entity that is not there")
    expect_refusal(client.post("/api/entities", {"name": "x"}), [422], "a record without entities")
    expect_refusal(
        client.post("/api/relationships", {"type": "part_of", "from": nobody, "to": nobody}), range(400, 500), "x"
    )
    expect_refusal(client.get("/api/timeline", start="soon"), [422], "a date that is none")
    expect_refusal(client.get("/api/entities", cursor="abc"), [422], "a cursor that is none")


CHECKS = (
    a_document_becomes_an_entity_with_provenance,
    entities_are_found_by_type_and_name,
    a_correction_holds_and_what_was_stays,
    what_is_deleted_can_be_restored,
    what_was_one_is_merged,
    relationships_close_no_circle,
    the_timeline_has_dates_in_order,
    everything_can_be_taken_along,
    nonsense_is_refused,
)
