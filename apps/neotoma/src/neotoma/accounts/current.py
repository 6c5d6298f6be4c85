"""Who asks? The one place where a request becomes a Caller."""

import hmac
from uuid import UUID

from starlette.requests import Request

from neotoma.accounts import csrf, sessions, tokens
from neotoma.accounts.caller import SCOPES, Caller
from neotoma.nest import Nest
from neotoma.problems import Problem
from neotoma.settings import OWNER


async def caller(request: Request, scope: str = "read") -> Caller:
    """The caller of a request, by its bearer token or else its session.

    Raises Problem: 401 for nobody, 403 without the scope. A browser's session may change nothing from another site's
    page; under ``/api`` it has to send ``X-CSRF-Token`` as well. Pages check the token in their form: ``csrf.check``.
    """
    nest: Nest = request.app.state.nest
    found = await _found(request, nest)
    if found is None:
        raise Problem(401, "no_credential", "Sign in, or send a token: Authorization: Bearer TOKEN.")
    if scope not in found.scopes:
        message = f"This needs the scope {scope}, which the token does not have. Use one that has it."
        raise Problem(403, "insufficient_scope", message, scope=scope)
    if found.via == "session" and request.method not in csrf.SAFE:
        if request.url.path.startswith("/api/"):
            csrf.check(request, found)
        csrf.same_origin(request)
    return found


async def by_token(nest: Nest, secret: str) -> Caller | None:
    """Whose API token it is; the legacy owner's is in the settings. Tokens of OAuth are not among these."""
    kept = nest.settings.token
    if kept and hmac.compare_digest(secret.encode(errors="replace"), kept.encode()):
        return await _legacy_owner(nest)
    return await tokens.find(nest.database, secret) if secret.startswith(tokens.PREFIX) else None


async def _found(request: Request, nest: Nest) -> Caller | None:
    if (header := request.headers.get("authorization")) is not None:  # who sends one means it: no session instead
        scheme, _, secret = header.partition(" ")
        return await by_token(nest, secret.strip()) if scheme.lower() == "bearer" else None
    return await sessions.find(nest.database, secret) if (secret := sessions.sent(request)) else None


async def _legacy_owner(nest: Nest) -> Caller | None:
    async with nest.database.of(UUID(OWNER)) as connection:
        found = await (await connection.execute("SELECT email FROM users")).fetchone()
    return Caller(UUID(OWNER), found[0], frozenset(SCOPES), "token") if found else None
