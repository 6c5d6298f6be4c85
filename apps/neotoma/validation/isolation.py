"""Two people who have just signed up: neither sees, finds or changes what the other has, over REST, pages and MCP.

The second stores the very same file as the first, and another: one memory must not even tell what is in another.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import kit
import person
from agent import Agent, Refused
from kit import Client, expect, expect_refusal, fresh_word


@dataclass
class Two:
    """The one whose things they are, the other who tries, and what there is to try."""

    one: Client
    other: Client
    word: str
    source: dict[str, Any]
    entity: str
    partner: str
    relationship: str


@contextmanager
def two(base_url: str) -> Iterator[Two]:
    """Both, with a file, two entities and a relationship of the first."""
    with person.fresh(base_url) as one, person.fresh(base_url) as other:
        word = fresh_word()
        source = one.ready(f"{word}.txt", f"A secret of {word}\nDate: 2026-05-05\n".encode())
        entities = [{"type": "person", "name": f"{name} {word}", "fields": {"note": word}} for name in ("Ada", "Ben")]
        stored = Agent(one).call("store", name=word, entities=entities)["entity_ids"]
        link = {"type": "knows", "from": stored[0], "to": stored[1]}
        relationship = Agent(one).call("create_relationship", **link)["id"]
        yield Two(one, other, word, source, stored[0], stored[1], relationship)


def nothing_is_read_over_rest(two: Two) -> None:
    """Every address of a single thing answers 404, as for one that never was."""
    entity, source = f"/api/entities/{two.entity}", f"/api/sources/{two.source['id']}"
    paths = (source, f"{source}/file", entity, *(f"{entity}/{part}" for part in PARTS))
    for path in paths:
        answer = two.other.get(path)
        expect_refusal(answer, [404], path)
        expect(two.word in answer.body.decode(errors="replace"), False, f"the word in the refusal of {path}")
        expect(two.one.get(path).status, 200, f"{path} for the one whose it is")


def nothing_is_listed_or_found(two: Two) -> None:
    """Lists and searches hold only one's own."""
    for path in (
        "/api/sources",
        "/api/entities",
        "/api/timeline",
        "/api/types",
        "/api/export",
        f"/api/search?q={two.word}",
    ):
        answer = two.other.get(path)
        expect(answer.status, 200, path)
        held = answer.body.decode(errors="replace").replace(f'"query":"{two.word}"', "")
        expect([id for id in (two.word, two.source["id"], two.entity) if id in held], [], path)


def nothing_is_changed_over_rest(two: Two) -> None:
    """Changes are refused as for what is not there, and change nothing."""
    entity, source = f"/api/entities/{two.entity}", f"/api/sources/{two.source['id']}"
    before = two.one.get(entity).json
    expect_refusal(two.other.delete(source), [404], f"DELETE {source}")
    expect_refusal(two.other.delete(entity), [404], f"DELETE {entity}")
    expect_refusal(two.other.post(f"{entity}/corrections", {"fields": {"note": "mine"}}), [404], "correction")
    expect_refusal(two.other.post(f"{entity}/restore", {}), [404], "restore")
    expect_refusal(two.other.post(f"{entity}/merge", {"into": two.partner}), [404], "merge")
    link = {"type": "part_of", "from": two.entity, "to": two.partner}
    expect_refusal(two.other.post("/api/relationships", link), [404], "relationship")
    expect_refusal(two.other.delete(f"/api/relationships/{two.relationship}"), [404], "deletion of the relationship")
    expect(two.one.get(entity).json, before, "the entity afterwards")
    expect(two.one.get(source).status, 200, "the source afterwards")
    expect(len(two.one.get(f"{entity}/relationships").json["related"]), 1, "its relationships afterwards")


def nothing_is_shown_on_pages(two: Two) -> None:
    """No page has the word."""
    for path in ("/", "/sources", "/entities", "/timeline", f"/sources/{two.source['id']}", f"/entities/{two.entity}"):
        answer = two.other.request("GET", path, Accept="text/html")
        expect(two.word in answer.body.decode(errors="replace"), False, f"the word on {path}")


def nothing_is_reached_over_mcp(two: Two) -> None:
    """Every tool that takes an id refuses it; every list is empty of it."""
    agent = Agent(two.other)
    for tool, arguments in (
        ("fetch", {"id": two.source["id"]}),
        ("fetch", {"id": two.entity}),
        ("retrieve_entity_snapshot", {"entity_id": two.entity}),
        ("retrieve_related_entities", {"entity_id": two.entity}),
        ("list_observations", {"entity_id": two.entity}),
        ("retrieve_field_provenance", {"entity_id": two.entity, "field": "note"}),
        ("retrieve_file_url", {"source_id": two.source["id"]}),
        ("correct", {"entity_id": two.entity, "fields": {"note": "mine"}}),
        ("delete_entity", {"entity_id": two.entity}),
        ("restore_entity", {"entity_id": two.entity}),
        ("merge_entities", {"from": two.entity, "into": two.partner}),
        ("create_relationship", {"type": "part_of", "from": two.entity, "to": two.partner}),
    ):
        try:
            answer = agent.call(tool, **arguments)
        except Refused as refused:
            told = str(refused.code)
            expect(told in ("not_found", "no_entity", "no_source", "bad_arguments") or "no_" in told, True, told)
        else:
            raise AssertionError(f"{tool} answered {answer}")
    for tool, arguments in (("retrieve_entities", {}), ("list_timeline_events", {}), ("search", {"query": two.word})):
        expect(two.word in str(agent.call(tool, **arguments)), False, tool)


def the_same_file_is_new_to_each(two: Two) -> None:
    """That somebody else has it cannot be told from the answer, and each deletes only their own."""
    content = f"A secret of {two.word}\nDate: 2026-05-05\n".encode()
    answer = two.other.upload("mine.txt", content)
    expect(answer.status in (201, 202), True, f"the upload is new: {answer.status}")
    source = two.other.ready("mine.txt", content)
    expect(source["id"], two.source["id"], "the id, which comes from the bytes")
    expect(two.other.delete(f"/api/sources/{source['id']}").status, 204, "delete")
    back = two.one.get(f"/api/sources/{two.source['id']}/file")
    expect((back.status, back.body), (200, content), "the first one's file afterwards")


PARTS = ("observations", "relationships", "provenance/note")
CHECKS = [
    nothing_is_read_over_rest,
    nothing_is_listed_or_found,
    nothing_is_changed_over_rest,
    nothing_is_shown_on_pages,
    nothing_is_reached_over_mcp,
    the_same_file_is_new_to_each,
]

if __name__ == "__main__":
    kit.main("isolation", CHECKS, two)
