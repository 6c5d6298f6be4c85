"""What tools refuse: nonsense, other people's ids, what a credential does not allow; and what of it is logged."""

import base64
from typing import Any

import pytest
from apps.neotoma.tests.support import TOKEN, Service
from apps.neotoma.tests.support_mcp import READING, Agent, agent_of, stored
from mcp.shared.exceptions import MCPError

NOBODY = "ent_000000000000000000000000"


@pytest.fixture
def agent(current: Service) -> Agent:
    """An agent of a person who has just signed up."""
    return agent_of(current)


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("retrieve_entity_snapshot", {}, "bad_arguments"),
        ("retrieve_entity_snapshot", {"entity_id": 7}, "bad_arguments"),
        ("retrieve_entity_snapshot", {"entity_id": NOBODY, "more": 1}, "bad_arguments"),
        ("retrieve_entity_snapshot", {"entity_id": NOBODY, "at": "yesterday"}, "bad_time"),
        ("retrieve_entity_snapshot", {"entity_id": "\0"}, "bad_text"),
        ("retrieve_entities", {"limit": 0}, "bad_arguments"),
        ("retrieve_entities", {"limit": 201}, "bad_arguments"),
        ("retrieve_entities", {"cursor": "made up"}, "bad_cursor"),
        ("retrieve_entities", {"query": "x" * 100_000}, "bad_arguments"),
        ("list_timeline_events", {"start": "31/01/2026"}, "bad_date"),
        ("search", {"query": ""}, "bad_arguments"),
        ("search", {"query": "   "}, "no_query"),
        ("fetch", {"id": "src_0"}, "not_found"),
        ("retrieve_file_url", {"source_id": "src_0"}, "not_found"),
        ("upload_file", {"name": "a.txt", "content_base64": "%%%%"}, "bad_base64"),
        ("upload_file", {"name": "a.exe", "content_base64": "AAAA"}, None),
        ("upload_file", {"name": "a.txt", "content_base64": "AAAA" * 333_334}, "too_large"),
        ("upload_file", {"name": "a.txt", "content_base64": "AAAA" * 490_000}, "too_large"),
        ("store", {"name": "x", "entities": []}, "bad_arguments"),
        ("store", {"name": "x", "entities": [{"type": "A b", "name": "x", "fields": {}}]}, "bad_type"),
        ("correct", {"entity_id": NOBODY, "fields": {}}, "bad_arguments"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(
    current: Service, tool: str, arguments: dict[str, Any], code: str | None
) -> None:
    refused = agent_of(current, TOKEN).refused(tool, **arguments)
    assert refused["code"] == code or code is None
    assert len(refused["message"]) < 500
    assert refused["trace_id"]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("retrieve_entity_snapshot", {"entity_id": "it"}),
        ("retrieve_entity_snapshot", {"entity_id": "it", "at": "2099-01-01T00:00:00Z"}),
        ("retrieve_related_entities", {"entity_id": "it"}),
        ("list_observations", {"entity_id": "it"}),
        ("retrieve_field_provenance", {"entity_id": "it", "field": "city"}),
        ("list_timeline_events", {"entity_id": "it"}),
        ("fetch", {"id": "it"}),
        ("fetch", {"id": "source"}),
        ("retrieve_file_url", {"source_id": "source"}),
        ("correct", {"entity_id": "it", "fields": {"city": "Rome"}}),
        ("create_relationship", {"type": "knows", "from": "it", "to": "other"}),
        ("merge_entities", {"from_entity_id": "it", "into_entity_id": "other"}),
        ("delete_entity", {"entity_id": "it"}),
        ("restore_entity", {"entity_id": "it"}),
    ],
)
def test_another_persons_ids_lead_nowhere(current: Service, agent: Agent, tool: str, arguments: dict[str, Any]) -> None:
    it, other = stored(agent, "Ada", "Grace", city="London")
    content = base64.b64encode(agent.token.encode()).decode()
    source = agent.call("upload_file", name="secret.txt", content_base64=content)["source"]["id"]
    stranger = agent_of(current)
    names = {"it": it, "other": other, "source": source}
    given = {key: names.get(value, value) if isinstance(value, str) else value for key, value in arguments.items()}
    theirs = stranger.refused(tool, **given)
    nowhere = {key: NOBODY if value in ("it", "other") else value for key, value in arguments.items()}
    assert theirs["code"].startswith("no")
    if "source" not in arguments.values():
        assert stranger.refused(tool, **nowhere)["code"] == theirs["code"]
    assert agent.call("retrieve_entity_snapshot", entity_id=it)["fields"]["city"]["value"] == "London"


def test_who_may_only_read_sees_and_uses_only_what_reads(current: Service, agent: Agent) -> None:
    with current.asking_with(agent.token) as client:
        made = client.post("/api/tokens", json={"name": "reader", "scopes": ["read"]})
    reader = agent_of(current, made.json()["token"])
    assert set(reader.tools()) == READING
    refused = reader.refused("store", name="x", entities=[{"type": "contact", "name": "Ada", "fields": {}}])
    assert (refused["code"], refused["details"]) == ("insufficient_scope", {"scope": "write"})
    assert reader.call("retrieve_entities")["entities"] == []


def test_a_tool_that_there_is_not_is_an_error_of_the_protocol(agent: Agent) -> None:
    with pytest.raises(MCPError, match="There is no such tool"):
        agent.refused("format_disk")


def test_the_log_tells_which_tool_and_nothing_of_what_was_said(current: Service, agent: Agent) -> None:
    stored(agent, "Somebody very private", email="private@example.org")
    agent.refused("retrieve_entity_snapshot", entity_id="ent_private")
    lines = [line for line in current.log() if line["event"] == "tool"]
    assert {line["tool"] for line in lines} >= {"store", "retrieve_entity_snapshot"}
    assert "rivate" not in current.logs.read_text()
    assert "rivate" not in current.errors()
