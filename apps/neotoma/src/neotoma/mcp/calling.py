"""One call of a tool, from what an agent sent to what it is told. Whatever happens, it is told something to act on."""

import json
from collections.abc import Awaitable, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import ValidationError, best_match  # type: ignore[import-untyped]
from mcp import types

from neotoma import problems
from neotoma.accounts.caller import Caller
from neotoma.mcp.tool import Call, Tool
from neotoma.memory.values import is_text
from neotoma.nest import Nest
from neotoma.observe import log, place
from neotoma.problems import Problem

LONGEST_COMPLAINT = 300  # characters


async def call(
    tool: Tool, nest: Nest, caller: Awaitable[Caller], arguments: Mapping[str, Any], trace_id: str
) -> types.CallToolResult:
    """The answer of a tool, or its refusal: ``{code, message, details, trace_id}`` as the text of an error."""
    try:
        _allow(tool, who := await caller)
        _check(tool, arguments)
        answer = await tool.does(Call(nest, who, arguments))
    except Exception as error:  # noqa: BLE001 - whatever it is, the agent gets an answer and the log its kind
        problem = problems.understood(error)
        log("tool", tool=tool.name, code=problem.code, kind=type(error).__name__, place=place(error), trace_id=trace_id)
        told = {
            "code": problem.code,
            "message": problem.message,
            "details": problem.details,
            "trace_id": trace_id,
        }
        return types.CallToolResult(content=[_text(told)], is_error=True)
    log("tool", tool=tool.name, code="ok", trace_id=trace_id)
    return types.CallToolResult(content=[_text(answer)], structured_content=answer)


def _text(said: Mapping[str, Any]) -> types.TextContent:
    return types.TextContent(type="text", text=json.dumps(said, ensure_ascii=False))


def _allow(tool: Tool, caller: Caller) -> None:
    if tool.scope not in caller.scopes:
        message = (
            f"{tool.name} needs the scope {tool.scope}, which this credential does not have. Ask the user for one."
        )
        raise Problem(403, "insufficient_scope", message, scope=tool.scope)


def _check(tool: Tool, arguments: Mapping[str, Any]) -> None:
    error: ValidationError | None = best_match(_validator(tool.name, json.dumps(tool.arguments)).iter_errors(arguments))
    if error is not None:
        where = ".".join(str(step) for step in error.absolute_path) or "arguments"
        complaint = error.message if len(error.message) <= LONGEST_COMPLAINT else f"does not fit {error.validator}"
        raise Problem(422, "bad_arguments", f"{where}: {complaint}. See the input schema of {tool.name}.", field=where)
    if not _storable(arguments):
        message = "A text holds NUL or half a character, which no document has. Leave such characters out."
        raise Problem(422, "bad_text", message)


@cache
def _validator(_name: str, schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))


def _storable(value: Any) -> bool:
    """Whether PostgreSQL can keep every text in it."""
    match value:
        case str():
            return is_text(value)
        case Mapping():
            return all(_storable(key) and _storable(item) for key, item in value.items())
        case list():
            return all(_storable(item) for item in value)
        case _:
            return True
