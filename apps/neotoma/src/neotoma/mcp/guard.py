"""Stands before MCP: lets in who is called by the right name, with a credential for this resource."""

from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend
from mcp.server.auth.provider import TokenVerifier
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from neotoma import problems
from neotoma.accounts.caller import SCOPES
from neotoma.mcp.authorization import caller, metadata_url, resource
from neotoma.problems import Problem


class Guard:
    """Sets ``neotoma.caller`` in the scope of what it lets through."""

    def __init__(self, app: ASGIApp, verifier: TokenVerifier, url: str, security: TransportSecuritySettings) -> None:
        self._app, self._url = app, url
        self._backend = BearerAuthBackend(verifier, resource_server_url=AnyHttpUrl(resource(url)))
        self._names = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        response = await self._refusal(Request(scope))
        await (response or self._app)(scope, receive, send)

    async def _refusal(self, request: Request) -> Response | None:
        if wrong := await self._names.validate_request(request):
            return problems.answer(request.scope, _elsewhere(wrong.status_code))
        if not (found := await self._backend.authenticate(request)):
            message = "Send a token: Authorization: Bearer TOKEN. The header of this answer says where to get one."
            error = "invalid_token" if "authorization" in request.headers else ""
            return self._challenge(request, Problem(401, "no_credential", message), error)
        request.scope["auth"], request.scope["user"] = found
        request.scope["neotoma.caller"] = who = caller(found[1].access_token)
        if "read" not in who.scopes:
            message = "This credential may not read. Ask the user for one with the scope read."
            return self._challenge(request, Problem(403, "insufficient_scope", message), "insufficient_scope")
        return None

    def _challenge(self, request: Request, problem: Problem, error: str) -> Response:
        """A refusal that tells an OAuth client where to ask for a credential."""
        facts = {"error": error, "resource_metadata": metadata_url(self._url), "scope": " ".join(SCOPES)}
        response = problems.answer(request.scope, problem)
        response.headers["WWW-Authenticate"] = "Bearer " + ", ".join(
            f'{key}="{fact}"' for key, fact in facts.items() if fact
        )
        return response


def _elsewhere(status: int) -> Problem:
    if status == 403:
        return Problem(403, "wrong_origin", "Pages of other sites may not use this service. Call it from its own.")
    return Problem(status, "wrong_host", "Neotoma is not called that way. Use the address that it is known by.")
