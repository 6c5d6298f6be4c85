"""``GET /openapi.json``: the REST API in OpenAPI 3.1, made of the tables in ``description.py`` and ``schemas.py``."""

import re
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from neotoma.accounts.caller import SCOPES
from neotoma.api.description import OPERATIONS, Operation
from neotoma.api.schemas import PARAMETERS, SCHEMAS
from neotoma.version import VERSION

Json = dict[str, Any]
ABOUT = "Deterministic memory for people and their agents: files and records in, facts with their sources out."
REFUSED = {"$ref": "#/components/responses/Refused"}


async def answer(request: Request) -> JSONResponse:
    """The document, the same for everybody."""
    return JSONResponse(document(request.app.state.nest.settings.url), headers={"Cache-Control": "max-age=300"})


@cache
def document(url: str) -> Json:
    """The whole API of the service at ``url``."""
    paths: dict[str, Json] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "neotoma", "version": VERSION, "description": ABOUT},
        "servers": [{"url": url}],
        "paths": paths,
        "components": {
            "schemas": dict(SCHEMAS),
            "responses": {"Refused": _body("Why not, and what to do instead.", {"application/json": "Problem"})},
            "securitySchemes": _security(url),
        },
    }


def _operation(operation: Operation) -> Json:
    told: Json = {"operationId": operation.name, "summary": operation.summary, "tags": [operation.tag]}
    inside = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in _names(operation)
    ]
    asked = [{"in": "query", **PARAMETERS[name]} for name in operation.query]
    if inside or asked:
        told["parameters"] = [*inside, *asked]
    if operation.takes:
        required = operation.method != "DELETE"
        told["requestBody"] = {"required": required, "content": _content(operation.takes)}
    told["responses"] = {
        **{str(status): _body(operation.summary, content) for status, content in operation.gives.items()},
        "default": REFUSED,
    }
    scopes = [operation.scope] if operation.scope else []
    told["security"] = [{"token": scopes}, {"oauth": scopes}] if operation.scope else []
    return told


def _names(operation: Operation) -> list[str]:
    return re.findall(r"{(\w+)}", operation.path)


def _body(summary: str, content: dict[str, str]) -> Json:
    told: Json = {"description": summary}
    return told | {"content": _content(content)} if content else told


def _content(content: dict[str, str]) -> Json:
    """Media types, each with the name of its schema; none for plain bytes or text."""
    schemas = {type: {"$ref": f"#/components/schemas/{name}"} if name else {} for type, name in content.items()}
    return {type: {"schema": schema} if schema else {} for type, schema in schemas.items()}


def _security(url: str) -> Json:
    may = dict(zip(SCOPES, ("See the memory.", "Change the memory."), strict=True))
    addresses = {"authorizationUrl": f"{url}/authorize", "tokenUrl": f"{url}/token"}
    return {
        "token": {"type": "http", "scheme": "bearer", "description": "A token from /api/tokens or /api/sessions."},
        "oauth": {"type": "oauth2", "flows": {"authorizationCode": {**addresses, "scopes": may}}},
    }


ROUTES: tuple[BaseRoute, ...] = (Route("/openapi.json", answer),)
