"""What the forms on an entity's page do. Each ends by leading to a page, so that loading it again changes nothing."""

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from neotoma.database import Connection
from neotoma.memory import entities, merges, relationships
from neotoma.memory.errors import Invalid, NotThere
from neotoma.web.rendering import see_other
from neotoma.web.signed import nest_of, text, writer

LABEL = re.compile(r"(?P<name>.+) \((?P<type>[^()]+)\)")
"""How the list of suggestions names an entity."""


async def correct(request: Request) -> Response:
    """``POST /entities/{id}/correct``: one field."""
    address = _address(request)
    who, form = await writer(request, address)
    name, value = text(form, "field"), text(form, "value")
    if not name or not value:
        raise Invalid("no_value", "Name the field, and write what it should say.")
    async with nest_of(request).database.of(who.user) as connection:
        await entities.correct(connection, request.path_params["id"], {"_".join(name.split()): value})
    return see_other(address, done="corrected")


async def delete(request: Request) -> Response:
    """``POST /entities/{id}/delete``: it can be restored."""
    address = _address(request)
    who, _ = await writer(request, address)
    async with nest_of(request).database.of(who.user) as connection:
        await entities.delete(connection, request.path_params["id"])
    return see_other(address, done="deleted")


async def restore(request: Request) -> Response:
    """``POST /entities/{id}/restore``."""
    address = _address(request)
    who, _ = await writer(request, address)
    async with nest_of(request).database.of(who.user) as connection:
        await entities.restore(connection, request.path_params["id"])
    return see_other(address, done="restored")


async def merge(request: Request) -> Response:
    """``POST /entities/{id}/merge``: into the one named."""
    who, form = await writer(request, _address(request))
    async with nest_of(request).database.of(who.user) as connection:
        into = await _named(connection, text(form, "other"))
        entity = await merges.merge(connection, request.path_params["id"], into)
    return see_other(f"/entities/{entity.id}", done="merged")


async def relate(request: Request) -> Response:
    """``POST /entities/{id}/relate``: to the one named."""
    address = _address(request)
    who, form = await writer(request, address)
    type = "_".join(text(form, "type").split())
    async with nest_of(request).database.of(who.user) as connection:
        to = await _named(connection, text(form, "other"))
        await relationships.create(connection, type, request.path_params["id"], to)
    return see_other(address, done="related")


async def unrelate(request: Request) -> Response:
    """``POST /entities/{id}/relationships/{relationship}/delete``."""
    address = _address(request)
    who, _ = await writer(request, address)
    async with nest_of(request).database.of(who.user) as connection:
        await relationships.delete(connection, request.path_params["relationship"])
    return see_other(address, done="unrelated")


async def _named(connection: Connection, given: str) -> str:
    """The id of the one entity of that name, or name and type, or id. Raises Refused when there is not exactly one."""
    if re.fullmatch(r"ent_[0-9a-f]+", given):
        return given
    label = LABEL.fullmatch(given)
    for name, type in ((label["name"], label["type"]) if label else (given, None), (given, None)):
        found = await entities.page(connection, type, name or None, 100)
        exact = [entity for entity in found.items if entity.name.casefold() == name.casefold()]
        if len(exact) == 1:
            return exact[0].id
        if exact:
            message = f"{len(exact)} entities have that name. Write the type behind it, such as “{name} (person)”."
            raise Invalid("ambiguous", message)
    raise NotThere("no_such_entity", "No entity has that name. Choose one from the list, or open it and copy its id.")


def _address(request: Request) -> str:
    return f"/entities/{request.path_params['id']}"


ROUTES = tuple(
    Route(f"/entities/{{id}}/{path}", endpoint, methods=["POST"])
    for path, endpoint in (
        ("correct", correct),
        ("delete", delete),
        ("restore", restore),
        ("merge", merge),
        ("relate", relate),
        ("relationships/{relationship}/delete", unrelate),
    )
)
