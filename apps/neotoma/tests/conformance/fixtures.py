"""What the public conformance suite expects to find in a server, added to neotoma's own.

The suite speaks of tools, prompts and resources by name (``test_simple_text``, ``test://static-text``, ...), and of
features that neotoma does not use. The names and words below are the suite's.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from mcp import types
from mcp.server.lowlevel.server import Server

from neotoma.accounts.caller import Caller
from neotoma.mcp import server
from neotoma.nest import Nest

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
TEXTS = ["option1", "option2", "option3"]
Content = types.ContentBlock
Context = server.Context


def build(nest: Nest, caller: Callable[[Context], Awaitable[Caller]]) -> Server[Any]:
    """Neotoma's server with the suite's fixtures added."""
    built = server.build(nest, caller)
    ours_listed, ours_called = built.get_request_handler("tools/list"), built.get_request_handler("tools/call")
    assert ours_listed is not None
    assert ours_called is not None

    async def listed(context: Context, params: types.PaginatedRequestParams) -> types.ListToolsResult:
        result = await ours_listed.handler(context, params)
        assert isinstance(result, types.ListToolsResult)
        return types.ListToolsResult(tools=[*result.tools, *(_tool(name) for name in TOOLS)])

    async def called(context: Context, params: types.CallToolRequestParams) -> Any:
        if not (tool := TOOLS.get(params.name)):
            return await ours_called.handler(context, params)
        try:
            content = await tool(context, params.arguments or {})
        except RuntimeError as error:
            return types.CallToolResult(content=[_text(str(error))], is_error=True)
        return types.CallToolResult(content=content)

    built.add_request_handler("tools/list", types.PaginatedRequestParams, listed)
    built.add_request_handler("tools/call", types.CallToolRequestParams, called)
    for method, params, handler in OTHERS:
        built.add_request_handler(method, params, handler)
    return built


def _tool(name: str) -> types.Tool:
    return types.Tool(name=name, description=f"The suite's {name}.", input_schema=SCHEMAS.get(name, NOTHING))


def _text(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)


def _embedded(uri: str, media_type: str, text: str) -> types.EmbeddedResource:
    inside = types.TextResourceContents(uri=uri, mime_type=media_type, text=text)
    return types.EmbeddedResource(type="resource", resource=inside)


def _says(*content: Content) -> Callable[[Context, dict[str, Any]], Awaitable[list[Content]]]:
    async def tool(_: Context, __: dict[str, Any]) -> list[Content]:
        return list(content)

    return tool


async def _fails(_: Context, __: dict[str, Any]) -> list[Content]:
    raise RuntimeError("This tool intentionally returns an error for testing")


async def _logs(context: Context, _: dict[str, Any]) -> list[Content]:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await context.session.send_log_message("info", words, related_request_id=context.request_id)
    return [_text("Tool with logging executed successfully")]


async def _progresses(context: Context, _: dict[str, Any]) -> list[Content]:
    for step in (0, 50, 100):
        await context.session.report_progress(step, 100)
    return [_text("Tool with progress executed successfully")]


async def _samples(context: Context, arguments: dict[str, Any]) -> list[Content]:
    asked = types.SamplingMessage(role="user", content=_text(arguments["prompt"]))
    answer = await context.session.create_message([asked], max_tokens=100, related_request_id=context.request_id)
    assert isinstance(answer.content, types.TextContent)
    return [_text(f"LLM response: {answer.content.text}")]


def _asks(words: str, prefix: str, properties: dict[str, Any]) -> Callable[..., Awaitable[list[Content]]]:
    async def tool(context: Context, arguments: dict[str, Any]) -> list[Content]:
        schema = {"type": "object", "properties": properties, "required": []}
        message = arguments.get("message", words)
        answer = await context.session.elicit_form(message, schema, related_request_id=context.request_id)
        return [_text(f"{prefix}: action={answer.action}, content={json.dumps(answer.content)}")]

    return tool


def _titled(*names: str) -> list[dict[str, str]]:
    return [{"const": name, "title": name.title()} for name in names]


TOOLS: dict[str, Callable[[Context, dict[str, Any]], Awaitable[list[Content]]]] = {
    "test_simple_text": _says(_text("This is a simple text response for testing.")),
    "test_image_content": _says(types.ImageContent(type="image", data=PNG, mime_type="image/png")),
    "test_audio_content": _says(types.AudioContent(type="audio", data=WAV, mime_type="audio/wav")),
    "test_embedded_resource": _says(
        _embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    ),
    "test_multiple_content_types": _says(
        _text("Multiple content types test:"),
        types.ImageContent(type="image", data=PNG, mime_type="image/png"),
        _embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ),
    "test_tool_with_logging": _logs,
    "test_tool_with_progress": _progresses,
    "test_error_handling": _fails,
    "test_sampling": _samples,
    "test_elicitation": _asks("?", "User response", {"response": {"type": "string", "description": "The response"}}),
    "test_elicitation_sep1034_defaults": _asks(
        "Please review",
        "Elicitation completed",
        {
            "name": {"type": "string", "default": "John Doe"},
            "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5},
            "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
            "verified": {"type": "boolean", "default": True},
        },
    ),
    "test_elicitation_sep1330_enums": _asks(
        "Please select",
        "Elicitation completed",
        {
            "untitledSingle": {"type": "string", "enum": TEXTS},
            "titledSingle": {"type": "string", "oneOf": _titled("value1", "value2", "value3")},
            "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": TEXTS}},
            "titledMulti": {"type": "array", "items": {"anyOf": _titled("value1", "value2", "value3")}},
        },
    ),
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "test_sampling": {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]},
    "test_elicitation": {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]},
}


async def _prompts(_: Context, __: types.PaginatedRequestParams) -> types.ListPromptsResult:
    return types.ListPromptsResult(
        prompts=[
            types.Prompt(
                name=name,
                description=f"The suite's {name}.",
                arguments=[types.PromptArgument(name=each, description=each, required=True) for each in arguments],
            )
            for name, arguments in PROMPTS.items()
        ]
    )


async def _prompt(_: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
    given = params.arguments or {}
    said: dict[str, list[Any]] = {
        "test_simple_prompt": [_text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments": [
            _text(f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'")
        ],
        "test_prompt_with_embedded_resource": [
            _embedded(given.get("resourceUri", ""), "text/plain", "Embedded resource content for testing."),
            _text("Please process the embedded resource above."),
        ],
        "test_prompt_with_image": [
            types.ImageContent(type="image", data=PNG, mime_type="image/png"),
            _text("Please analyze the image above."),
        ],
    }
    messages = [types.PromptMessage(role="user", content=content) for content in said[params.name]]
    return types.GetPromptResult(messages=messages)


async def _resources(_: Context, __: types.PaginatedRequestParams) -> types.ListResourcesResult:
    return types.ListResourcesResult(
        resources=[
            types.Resource(uri=uri, name=uri, description=f"The suite's {uri}.", mime_type=media_type)
            for uri, media_type in RESOURCES.items()
        ]
    )


async def _templates(_: Context, __: types.PaginatedRequestParams) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(uri_template="test://template/{id}/data", name="template")
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def _resource(_: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    uri = str(params.uri)
    content: types.TextResourceContents | types.BlobResourceContents
    if uri == "test://static-binary":
        content = types.BlobResourceContents(uri=uri, mime_type="image/png", blob=PNG)
    elif uri in RESOURCES:
        words = "This is the content of the static text resource."
        content = types.TextResourceContents(uri=uri, mime_type="text/plain", text=words)
    else:
        id = uri.removeprefix("test://template/").removesuffix("/data")
        told = json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})
        content = types.TextResourceContents(uri=uri, mime_type="application/json", text=told)
    return types.ReadResourceResult(contents=[content])


async def _nothing(_: Context, __: Any) -> types.EmptyResult:
    return types.EmptyResult()


async def _completion(_: Context, __: types.CompleteRequestParams) -> types.CompleteResult:
    return types.CompleteResult(completion=types.Completion(values=[], total=0, has_more=False))


PROMPTS: dict[str, tuple[str, ...]] = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
}
RESOURCES = {
    "test://static-text": "text/plain",
    "test://static-binary": "image/png",
    "test://watched-resource": "text/plain",
}
OTHERS: tuple[tuple[str, Any, Any], ...] = (
    ("prompts/list", types.PaginatedRequestParams, _prompts),
    ("prompts/get", types.GetPromptRequestParams, _prompt),
    ("resources/list", types.PaginatedRequestParams, _resources),
    ("resources/templates/list", types.PaginatedRequestParams, _templates),
    ("resources/read", types.ReadResourceRequestParams, _resource),
    ("resources/subscribe", types.SubscribeRequestParams, _nothing),
    ("resources/unsubscribe", types.UnsubscribeRequestParams, _nothing),
    ("logging/setLevel", types.SetLevelRequestParams, _nothing),
    ("completion/complete", types.CompleteRequestParams, _completion),
)
