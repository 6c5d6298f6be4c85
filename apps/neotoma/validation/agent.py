"""An agent that speaks MCP over streamable HTTP: one JSON-RPC message a request, answered as JSON or as an event."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kit import Client

REVISION = "2025-06-18"
ACCEPT = "application/json, text/event-stream"


class Refused(Exception):
    """A call that was answered with an error; ``code`` is what the tool says, or the number of JSON-RPC."""

    def __init__(self, code: object, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass
class Agent:
    """Speaks for the person whose client it has."""

    client: Client
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def initialize(self) -> dict[str, Any]:
        """Say hello; returns what the server says of itself."""
        about = {"name": "validation", "version": "1"}
        said = self.ask("initialize", {"protocolVersion": REVISION, "capabilities": {}, "clientInfo": about})
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return said

    def tools(self) -> dict[str, dict[str, Any]]:
        """The tools that the server lists, by name."""
        return {tool["name"]: tool for tool in self.ask("tools/list", {})["tools"]}

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool; returns its structured answer. Raises Refused."""
        result = self.ask("tools/call", {"name": tool, "arguments": arguments})
        told = result.get("structuredContent") or json.loads(result["content"][0]["text"])
        if result.get("isError"):
            raise Refused(told["code"], told["message"])
        if "source_id" in told:
            self.client.stored.append(told["source_id"])
        return dict(told)

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a request, return its result. Raises Refused."""
        said = self._send({"jsonrpc": "2.0", "id": next(self.numbers), "method": method, "params": params})
        if "error" in said:
            raise Refused(said["error"]["code"], said["error"]["message"])
        return dict(said["result"])

    def _send(self, message: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(message).encode()
        more = {"Accept": ACCEPT, "MCP_Protocol_Version": REVISION}
        answer = self.client.request("POST", "/mcp", body, "application/json", **more)
        if answer.status == 202:
            return {}
        if answer.status != 200:
            raise Refused(answer.status, answer.body.decode(errors="replace")[:200])
        if answer.json is not None:
            return dict(answer.json)
        data = [line.removeprefix("data:") for line in answer.body.decode().splitlines() if line.startswith("data:")]
        return dict(json.loads(data[-1]))
