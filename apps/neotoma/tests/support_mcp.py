"""An agent: the SDK's own client, used from tests that are not asynchronous."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
from apps.neotoma.tests.support import Service
from mcp import types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

MODERN = "2026-07-28"
Answer = TypeVar("Answer")
Json = dict[str, Any]
READING = {
    "search",
    "fetch",
    "list_entity_types",
    "retrieve_entities",
    "retrieve_entity_snapshot",
    "retrieve_related_entities",
    "list_observations",
    "retrieve_field_provenance",
    "list_timeline_events",
    "retrieve_file_url",
    "get_authenticated_user",
}
WRITING = {
    "store",
    "upload_file",
    "correct",
    "create_relationship",
    "merge_entities",
    "delete_entity",
    "restore_entity",
}


@dataclass(frozen=True)
class Agent:
    """Speaks MCP over HTTP to ``url`` with ``token``. Each use is a connection of its own."""

    url: str
    token: str

    def tools(self) -> dict[str, types.Tool]:
        """What it may use."""
        return {tool.name: tool for tool in self.use(lambda client: client.list_tools()).tools}

    def call(self, tool: str, /, **arguments: Any) -> Json:
        """The answer of a tool, which the SDK's client has compared with the tool's schema."""
        return answered(self.use(lambda client: client.call_tool(tool, arguments)))

    def refused(self, tool: str, /, **arguments: Any) -> Json:
        """The refusal of a tool."""
        return refusal(self.use(lambda client: client.call_tool(tool, arguments)))

    def use(self, does: Callable[[Client], Awaitable[Answer]], mode: str = MODERN) -> Answer:
        """Run something with a client of a revision; ``legacy`` shakes hands."""

        async def run() -> Answer:
            headers = {"Authorization": f"Bearer {self.token}"}
            async with httpx2.AsyncClient(headers=headers, timeout=30) as http_client:
                transport = streamable_http_client(self.url, http_client=http_client)
                async with Client(transport, mode=mode) as client:
                    return await does(client)

        try:
            return asyncio.run(run())
        except BaseExceptionGroup as group:
            raise alone(group) from group


def alone(error: BaseException) -> BaseException:
    """The one exception in a group of groups."""
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    return error


def answered(result: types.CallToolResult) -> Json:
    """What a tool answered: one text with the JSON that is also its structured content."""
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    assert not result.is_error, content.text
    assert json.loads(content.text) == result.structured_content
    structured: Json = result.structured_content or {}
    return structured


def refusal(result: types.CallToolResult) -> Json:
    """What a tool refused, in the words and codes of the API, and nothing of the inside."""
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    assert result.is_error, content.text
    assert result.structured_content is None
    told: Json = json.loads(content.text)
    assert sorted(told) == ["code", "details", "message", "trace_id"]
    assert told["message"].endswith(".")
    assert not any(word in content.text for word in ("psycopg", "Traceback", "SELECT", "neotoma_member", ".py"))
    return told


def agent_of(service: Service, token: str = "") -> Agent:
    """An agent with a token; without one, of a person who has just signed up."""
    known = token or service.new_user().headers["authorization"].split()[1]
    return Agent(f"{service.url}/mcp", known)


def stored(agent: Agent, *names: str, type: str = "contact", **fields: str) -> list[str]:
    """The ids of new entities."""
    entities = [{"type": type, "name": name, "fields": fields} for name in names]
    ids: list[str] = agent.call("store", name=f"a record of {names}", entities=entities)["entity_ids"]
    return ids
