"""Who asks? The one place where a request becomes a Caller."""

import hmac
from uuid import UUID

from starlette.requests import Request

from neotoma.accounts.caller import SCOPES, Caller
from neotoma.problems import Problem
from neotoma.settings import OWNER


async def caller(request: Request, scope: str = "read") -> Caller:
    """The caller of a request. Raises Problem: 401 for nobody, 403 without the scope."""
    token = request.app.state.nest.settings.token
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token and hmac.compare_digest(sent.encode(), token.encode()):
        return Caller(UUID(OWNER), "owner@neotoma.invalid", frozenset(SCOPES), "token")
    raise Problem(401, "no_credential", "Sign in, or send a token: Authorization: Bearer TOKEN.")
