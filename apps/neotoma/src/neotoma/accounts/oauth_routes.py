"""The addresses of OAuth, with the SDK's handlers behind them.

They are put together here and not by the SDK's ``create_auth_routes``, because that compares client secrets in the
clear, reads no ``resource`` at the token endpoint, and wants a secret from public clients that revoke.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.auth.handlers.authorize import AuthorizationHandler
from mcp.server.auth.handlers.metadata import MetadataHandler
from mcp.server.auth.handlers.register import RegistrationHandler
from mcp.server.auth.handlers.token import TokenErrorResponse, TokenHandler
from mcp.server.auth.middleware.client_auth import AuthenticationError
from mcp.server.auth.routes import cors_middleware
from mcp.server.auth.settings import ClientRegistrationOptions
from mcp.server.transport_security import RequestBodyLimitMiddleware
from mcp.shared.auth import OAuthMetadata
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, request_response

from neotoma import problems
from neotoma.accounts import limits
from neotoma.accounts.caller import SCOPES
from neotoma.accounts.clients import Authenticator
from neotoma.accounts.oauth import Provider, resource
from neotoma.problems import Problem

LARGEST_REQUEST = 64 * 1024  # bytes
NO_STORE = {"Cache-Control": "no-store"}
AUTHENTICATION = ["none", "client_secret_post", "client_secret_basic"]
Handler = Callable[[Request], Awaitable[Response]]


def routes(provider: Provider) -> list[Route]:
    """Metadata, authorization, tokens, registration and revocation."""
    url = provider.nest.settings.url
    registration = ClientRegistrationOptions(enabled=True, valid_scopes=list(SCOPES), default_scopes=list(SCOPES))
    return [
        Route(
            "/.well-known/oauth-authorization-server",
            cors_middleware(MetadataHandler(metadata(url)).handle, ["GET", "OPTIONS"]),
            methods=["GET", "OPTIONS"],
        ),
        Route(
            "/authorize",
            RequestBodyLimitMiddleware(request_response(AuthorizationHandler(provider).handle), LARGEST_REQUEST),
            methods=["GET", "POST"],
        ),
        _post("/token", _token(provider)),
        _post("/register", _limited(provider, RegistrationHandler(provider, registration).handle)),
        _post("/revoke", _revoke(provider)),
    ]


def metadata(url: str) -> OAuthMetadata:
    """What clients find out about this authorization server (RFC 8414)."""
    return OAuthMetadata.model_validate(
        {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "registration_endpoint": f"{url}/register",
            "revocation_endpoint": f"{url}/revoke",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": AUTHENTICATION,
            "revocation_endpoint_auth_methods_supported": AUTHENTICATION,
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
    )


def _token(provider: Provider) -> Handler:
    handler = TokenHandler(provider, Authenticator(provider))

    async def token(request: Request) -> Response:
        asked = (await request.form()).getlist("resource")
        if any(str(one).rstrip("/") != resource(provider.nest.settings.url) for one in asked):
            refusal = TokenErrorResponse(error="invalid_target", error_description="Tokens are for /mcp here only.")
            refused: Response = handler.response(refusal)
            return refused
        answer: Response = await handler.handle(request)
        return answer

    return token


def _revoke(provider: Provider) -> Handler:
    authenticator = Authenticator(provider)

    async def revoke(request: Request) -> Response:
        try:
            client = await authenticator.authenticate_request(request)
        except AuthenticationError as error:
            refusal = {"error": "invalid_client", "error_description": error.message}
            return JSONResponse(refusal, status_code=401, headers=NO_STORE)
        token = str((await request.form()).get("token", ""))
        found = await provider.load_access_token(token) or await provider.load_refresh_token(client, token)
        if found is not None and found.client_id == client.client_id:
            await provider.revoke_token(found)
        return Response(headers=NO_STORE)  # the same for a token that is not there (RFC 7009)

    return revoke


def _limited(provider: Provider, handler: Handler) -> Handler:
    async def register(request: Request) -> Response:
        here = limits.counted(limits.CLIENT_FROM_ONE, limits.address(request))
        try:
            await limits.attempt(provider.nest.database, [here])
        except Problem as problem:
            return problems.answer(request.scope, problem)
        return await handler(request)

    return register


def _post(path: str, handler: Handler) -> Route:
    endpoint: Any = cors_middleware(handler, ["POST", "OPTIONS"])
    return Route(path, RequestBodyLimitMiddleware(endpoint, LARGEST_REQUEST), methods=["POST", "OPTIONS"])
