"""The MCP server: its name, what it lists and what it calls. How it is reached is in ``http.py`` and ``stdio.py``."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from mcp import types
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError

from neotoma.accounts.caller import Caller
from neotoma.mcp.calling import call
from neotoma.mcp.tool import Tool
from neotoma.mcp.tools import TOOLS
from neotoma.nest import Nest
from neotoma.problems import Problem
from neotoma.version import VERSION

Context = ServerRequestContext[Any, Any]
INSTRUCTIONS = """\
Neotoma is the user's memory: documents they uploaded, records that agents stored, and the facts in both.
It is deterministic: it extracts by rules, never guesses, and every field tells which observation it comes from.
Look before you store: retrieve_entities and search show what is known already. To change a fact, use correct, which
keeps what was there; nothing is overwritten. Ids begin with ent_, src_, obs_ or rel_ and come from other answers."""


def build(nest: Nest, caller: Callable[[Context], Awaitable[Caller]], tools: Sequence[Tool] = TOOLS) -> Server[Any]:
    """The server. ``caller`` says who is behind a request; each sees the tools that their credential allows."""
    logging.getLogger("mcp").setLevel(logging.CRITICAL)  # its lines quote what clients send; our own log tells enough
    named = {tool.name: tool for tool in tools}
    listed = {tool.name: _listed(tool) for tool in tools}

    async def on_list_tools(context: Context, _: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        try:
            scopes = (await caller(context)).scopes
        except Problem as problem:
            raise MCPError(types.INVALID_REQUEST, problem.message) from problem
        return types.ListToolsResult(tools=[listed[tool.name] for tool in tools if tool.scope in scopes])

    async def on_call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        if not (tool := named.get(params.name)):
            raise MCPError(types.INVALID_PARAMS, "There is no such tool. tools/list names those that there are.")
        return await call(tool, nest, caller(context), params.arguments or {}, _trace_id(context))

    return Server(
        "neotoma",
        version=VERSION,
        title="Neotoma",
        description="Deterministic memory for people and their agents.",
        instructions=INSTRUCTIONS,
        website_url=nest.settings.url,
        cache_hints={"tools/list": CacheHint(ttl_ms=300_000, scope="private")},
        get_tool_input_schema=lambda name: named[name].arguments if name in named else None,
        on_list_tools=on_list_tools,
        on_call_tool=on_call_tool,
    )


def _listed(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.arguments,
        output_schema=tool.gives,
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=not tool.writes,
            destructive_hint=tool.destroys,
            idempotent_hint=tool.repeats,
            open_world_hint=False,
        ),
    )


def _trace_id(context: Context) -> str:
    """The trace id of the HTTP request, with which the log can be searched; empty on standard input."""
    return str(context.request.scope.get("trace_id", "")) if context.request is not None else ""
