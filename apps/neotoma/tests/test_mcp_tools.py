"""Every tool, used by the SDK's own client over HTTP against a running service."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from apps.neotoma.tests.support import Service
from apps.neotoma.tests.support_mcp import READING, WRITING, Agent, agent_of, stored


@pytest.fixture
def agent(current: Service) -> Agent:
    """An agent of a person who has just signed up."""
    return agent_of(current)


def strings(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema of a text inside a schema."""
    if isinstance(schema, dict):
        if schema.get("type") == "string":
            yield schema
        for inner in schema.values():
            yield from strings(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from strings(inner)


def test_every_tool_says_what_it_does_takes_and_gives(agent: Agent) -> None:
    tools = agent.tools()
    assert set(tools) == READING | WRITING
    for name, tool in tools.items():
        assert len(tool.description or "") > 60, name
        assert tool.title, name
        assert tool.input_schema["additionalProperties"] is False, name
        assert all("maxLength" in schema for schema in strings(tool.input_schema)), name
        assert tool.output_schema is not None, name
        assert tool.output_schema["type"] == "object", name
        hints = tool.annotations
        assert hints is not None, name
        assert hints.read_only_hint is (name in READING), name
        assert hints.destructive_hint is (name in {"delete_entity", "merge_entities"}), name
        assert hints.idempotent_hint is (name != "correct"), name
        assert hints.open_world_hint is False, name


def test_what_is_stored_is_found_corrected_and_seen_as_it_was(agent: Agent) -> None:
    (ada,) = stored(agent, "Ada Lovelace", email="ada@example.org", city="London")
    before = agent.call("retrieve_entity_snapshot", entity_id=ada)
    assert before["fields"]["city"]["value"] == "London"
    (observation,) = agent.call("list_observations", entity_id=ada)["observations"]
    assert before["fields"]["city"]["observation_id"] == observation["id"]
    after = agent.call("correct", entity_id=ada, fields={"city": "Paris"})
    assert after["fields"]["city"]["value"] == "Paris"
    assert agent.call("retrieve_entity_snapshot", entity_id=ada) == after
    then = agent.call("retrieve_entity_snapshot", entity_id=ada, at=observation["observed_at"])
    assert then["fields"]["city"]["value"] == "London"
    said = agent.call("retrieve_field_provenance", entity_id=ada, field="city")["provenance"]
    assert [(one["observation"]["kind"], one["source"] is None) for one in said] == [
        ("correction", True),
        ("structured", False),
    ]
    kinds = {one["kind"] for one in agent.call("list_observations", entity_id=ada)["observations"]}
    assert kinds == {"structured", "correction"}


def test_the_same_record_twice_is_one(agent: Agent) -> None:
    record = {"name": "a call", "entities": [{"type": "contact", "name": "Grace", "fields": {"age": 85, "kind": True}}]}
    first = agent.call("store", **record)
    assert agent.call("store", **record) == first
    assert len(agent.call("list_observations", entity_id=first["entity_ids"][0])["observations"]) == 1


def test_entities_come_in_pages_and_by_type_and_name(agent: Agent) -> None:
    contacts = stored(agent, *(f"Person {number}" for number in range(5)))
    stored(agent, "A firm", type="company")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = agent.call("retrieve_entities", type="contact", limit=2, **cursor)
        seen += [entity["id"] for entity in page["entities"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
    assert sorted(seen) == sorted(contacts)
    assert cursor == {}
    assert [one["name"] for one in agent.call("retrieve_entities", query="son 3")["entities"]] == ["Person 3"]
    types = {one["type"]: one["entities"] for one in agent.call("list_entity_types")["types"]}
    assert types == {"contact": 5, "company": 1}


def test_relationships_are_made_and_followed_and_close_no_circle(agent: Agent) -> None:
    wheel, car = stored(agent, "Wheel", "Car", type="thing")
    made = agent.call("create_relationship", **{"type": "part_of", "from": wheel, "to": car})
    assert agent.call("create_relationship", **{"type": "part_of", "from": wheel, "to": car}) == made
    (related,) = agent.call("retrieve_related_entities", entity_id=wheel, direction="out")["related"]
    assert (related["relationship"]["id"], related["entity"]["id"]) == (made["id"], car)
    assert agent.call("retrieve_related_entities", entity_id=wheel, direction="in") == {"related": []}
    (again,) = agent.call("retrieve_related_entities", entity_id=wheel, at=made["created_at"])["related"]
    assert again["relationship"] == made
    too_early = agent.refused("retrieve_related_entities", entity_id=wheel, at="2020-01-01T00:00:00Z")
    assert too_early["code"] == "no_entity"
    refused = agent.refused("create_relationship", **{"type": "part_of", "from": car, "to": wheel})
    assert refused["code"] == "cycle"


def test_two_that_are_one_are_merged(agent: Agent) -> None:
    first, second = stored(agent, "A. Turing", "Alan Turing", born="1912-06-23")
    assert agent.call("merge_entities", from_entity_id=first, into_entity_id=second)["id"] == second
    assert agent.call("retrieve_entity_snapshot", entity_id=first)["id"] == second
    assert len(agent.call("retrieve_entities")["entities"]) == 1


def test_what_is_deleted_is_gone_and_comes_back(agent: Agent) -> None:
    (ada,) = stored(agent, "Ada", born="1815-12-10")
    assert agent.call("delete_entity", entity_id=ada)["deleted"] is True
    assert agent.call("retrieve_entities")["entities"] == []
    assert agent.call("list_timeline_events")["events"] == []
    assert [one["id"] for one in agent.call("retrieve_entities", deleted=True)["entities"]] == [ada]
    assert agent.call("restore_entity", entity_id=ada)["deleted"] is False
    assert [one["id"] for one in agent.call("retrieve_entities")["entities"]] == [ada]


def test_dates_are_a_timeline(agent: Agent) -> None:
    stored(agent, "Late", type="meeting", held="2026-03-01")
    (early,) = stored(agent, "Early", type="meeting", held="2026-01-31")
    stored(agent, "Other", type="invoice", due="2026-02-01")
    events = agent.call("list_timeline_events")["events"]
    assert [event["at"] for event in events] == ["2026-01-31", "2026-02-01", "2026-03-01"]
    assert len(agent.call("list_timeline_events", type="meeting")["events"]) == 2
    (event,) = agent.call("list_timeline_events", start="2026-01-01", end="2026-01-31", entity_id=early)["events"]
    assert (event["field"], event["name"]) == ("held", "Early")
    first = agent.call("list_timeline_events", limit=2)
    rest = agent.call("list_timeline_events", limit=2, cursor=first["next_cursor"])
    assert first["events"] + rest["events"] == events


def test_search_and_fetch_have_the_shape_that_connectors_expect(current: Service, agent: Agent) -> None:
    content = base64.b64encode(b"The packrat keeps a shiny thimble in its nest.\n").decode()
    uploaded = agent.call("upload_file", name="packrat.txt", content_base64=content)
    assert uploaded["outcome"] == "new"
    assert agent.call("upload_file", name="packrat.txt", content_base64=content)["outcome"] == "known"
    id = uploaded["source"]["id"]
    found = agent.call("search", query="shiny thimble")
    url = f"{current.url}/sources/{id}"
    assert found == {"results": [{"id": id, "title": found["results"][0]["title"], "url": url}]}
    fetched = agent.call("fetch", id=id)
    assert sorted(fetched) == ["id", "metadata", "text", "title", "url"]
    assert (fetched["id"], fetched["url"], fetched["metadata"]["name"]) == (id, url, "packrat.txt")
    assert "shiny thimble" in fetched["text"]
    assert agent.call("search", query="unicorn") == {"results": []}


def test_an_entity_and_a_record_can_be_fetched_too(agent: Agent) -> None:
    record = agent.call(
        "store", name="a call", entities=[{"type": "contact", "name": "Ada", "fields": {"city": "Rome"}}]
    )
    (ada,) = record["entity_ids"]
    assert agent.call("fetch", id=ada)["text"] == "city: Rome"
    assert '"city":"Rome"' in agent.call("fetch", id=record["source_id"])["text"]


def test_a_files_address_serves_its_bytes_to_its_owner_alone(current: Service, agent: Agent) -> None:
    content = base64.b64encode(b"name,city\nAda,London\n").decode()
    source = agent.call("upload_file", name="people.csv", content_base64=content)["source"]
    told = agent.call("retrieve_file_url", source_id=source["id"])
    assert (told["name"], told["bytes"]) == ("people.csv", 21)
    with current.asking_with(agent.token) as owner, current.asking_with("") as nobody:
        assert owner.get(told["url"]).content == b"name,city\nAda,London\n"
        assert nobody.get(told["url"]).status_code == 401
    assert current.client.get(told["url"]).status_code == 404


def test_an_agent_can_ask_whose_memory_it_is(current: Service, agent: Agent) -> None:
    told = agent.call("get_authenticated_user")
    with current.asking_with(agent.token) as client:
        account = client.get("/api/account").json()
    assert (told["user_id"], told["email"]) == (account["user_id"], account["email"])
    assert (told["scopes"], told["via"]) == (["read", "write"], "token")
