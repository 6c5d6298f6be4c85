"""REST: accounts, signing in for a token, and tokens."""

from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from neotoma.accounts import current, entering, tokens
from neotoma.accounts.caller import SCOPES
from neotoma.accounts.tokens import Token
from neotoma.api.asking import strictly
from neotoma.api.body import sent_object
from neotoma.problems import Problem

LARGEST_BODY = 64 * 1024
NO_STORE = {"Cache-Control": "no-store"}


async def sign_up(request: Request) -> Response:
    """A new account, and a token for it."""
    body = await _body(request)
    user = await entering.sign_up(request, body.get("email"), body.get("password"))
    return _shown(*await tokens.sign_in(request.app.state.nest.database, user), user_id=str(user))


async def sign_in(request: Request) -> Response:
    """A token for who has the password."""
    body = await _body(request)
    user = await entering.sign_in(request, body.get("email"), body.get("password"))
    return _shown(*await tokens.sign_in(request.app.state.nest.database, user), user_id=str(user))


async def account(request: Request) -> Response:
    """Whose credential this is."""
    caller = await current.caller(request)
    said = {"user_id": str(caller.user), "email": caller.email, "scopes": sorted(caller.scopes), "via": caller.via}
    return JSONResponse(said, headers=NO_STORE)


async def depart(request: Request) -> Response:
    """Delete the account with everything in it."""
    caller = await current.caller(request, "write")
    body = await _body(request)
    await entering.depart(request, caller, body.get("password"), body.get("confirm"))
    return Response(status_code=204)


async def list_tokens(request: Request) -> Response:
    """The tokens that work, without their secrets."""
    caller = await current.caller(request)
    found = await tokens.listed(request.app.state.nest.database, caller.user)
    return JSONResponse({"tokens": [token_json(token) for token in found]}, headers=NO_STORE)


async def make_token(request: Request) -> Response:
    """A new token, which may no more than the credential that asks for it."""
    caller = await current.caller(request, "write")
    body = await _body(request)
    lasts, scopes = tokens.lasting(body.get("expires_in_days")), tokens.scopes_of(body.get("scopes", list(SCOPES)))
    if not set(scopes) <= caller.scopes:
        message = "A token cannot make one that may more than itself. Ask for fewer scopes, or sign in to make it."
        raise Problem(403, "insufficient_scope", message)
    return _shown(*await tokens.make(request.app.state.nest.database, caller.user, body.get("name"), scopes, lasts))


async def revoke_token(request: Request) -> Response:
    """End a token at once."""
    caller = await current.caller(request, "write")
    await tokens.revoke(request.app.state.nest.database, caller.user, request.path_params["id"])
    return Response(status_code=204)


def token_json(token: Token) -> dict[str, Any]:
    """A token as clients see it."""
    return {
        "id": token.id,
        "kind": token.kind,
        "name": token.name,
        "scopes": list(token.scopes),
        "created_at": token.created_at.isoformat(),
        "last_used_at": _moment(token.used_at),
        "expires_at": _moment(token.expires_at),
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _shown(secret: str, token: Token, **more: Any) -> Response:
    """The one answer that holds a token's secret."""
    return JSONResponse({"token": secret, **token_json(token), **more}, status_code=201, headers=NO_STORE)


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; an empty body is an empty one. Raises Problem: 413, 422."""
    sent = bytearray()
    async for chunk in request.stream():
        sent += chunk
        if len(sent) > LARGEST_BODY:
            raise Problem(413, "too_large", "That is too long for this address. Send only the fields it asks for.")
    return sent_object(bytes(sent or b"{}"), "")


ROUTES: tuple[BaseRoute, ...] = strictly(
    (
        Route("/api/accounts", sign_up, methods=["POST"]),
        Route("/api/sessions", sign_in, methods=["POST"]),
        Route("/api/account", account, methods=["GET"]),
        Route("/api/account", depart, methods=["DELETE"]),
        Route("/api/tokens", list_tokens, methods=["GET"]),
        Route("/api/tokens", make_token, methods=["POST"]),
        Route("/api/tokens/{id}", revoke_token, methods=["DELETE"]),
    )
)
