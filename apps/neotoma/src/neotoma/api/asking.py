"""What may be asked of the API in a query: the parameters of ``description.py`` and nothing else.

Who mistypes a filter would otherwise get everything, and believe it to be what was asked for.
"""

from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from neotoma.api.description import OPERATIONS
from neotoma.api.schemas import PARAMETERS
from neotoma.memory.values import shown
from neotoma.problems import Problem

Endpoint = Callable[[Request], Awaitable[Response]]
KNOWN = {each.path: [PARAMETERS[name]["name"] for name in each.query] for each in OPERATIONS if each.method == "GET"}


def strictly(routes: Iterable[Route]) -> tuple[BaseRoute, ...]:
    """The routes; those that answer GET refuse a parameter that they do not read."""
    return tuple(_strict(route) if "GET" in (route.methods or ()) else route for route in routes)


def _strict(route: Route) -> Route:
    endpoint: Endpoint = route.endpoint
    known = KNOWN[route.path]

    async def asked(request: Request) -> Response:
        _check(request, known)
        return await endpoint(request)

    return Route(route.path, asked, methods=["GET"])


def _check(request: Request, known: list[str]) -> None:
    if unknown := next((name for name in request.query_params if name not in known), None):
        there = f"Known are {', '.join(known)}." if known else "It has none."
        message = f"This address has no parameter {shown(unknown)}. {there} Correct it, or leave it out."
        raise Problem(422, "unknown_parameter", message, parameter=unknown[:60], known=known)
