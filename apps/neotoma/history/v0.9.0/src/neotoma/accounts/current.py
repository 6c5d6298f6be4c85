"""Who asks? The one person whose memory this is, or nobody."""

import base64
import binascii
import hmac
from uuid import UUID

from starlette.requests import Request

from neotoma.accounts import csrf
from neotoma.accounts.caller import SCOPES, Caller
from neotoma.nest import Nest
from neotoma.problems import Problem
from neotoma.settings import OWNER


async def caller(request: Request, scope: str = "read") -> Caller:
    """The caller of a request: by its bearer token, or a browser by the token as its password.

    Raises Problem: 401 for nobody, 403 for another site's page that speaks for the browser.
    """
    nest: Nest = request.app.state.nest
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer" if known(nest, sent.strip()):
            return owner("token")
        case "basic" if known(nest, _password(sent)):
            if scope != "read":
                csrf.same_origin(request)
            return owner("browser")
    raise Problem(401, "no_credential", "Send the token: Authorization: Bearer TOKEN.")


def known(nest: Nest, secret: str) -> bool:
    """Whether it is the token. Without one in the settings nobody has it."""
    kept = nest.settings.token
    return bool(kept) and hmac.compare_digest(secret.encode(errors="replace"), kept.encode())


def owner(via: str) -> Caller:
    """The person whose memory this is."""
    return Caller(UUID(OWNER), "owner@neotoma.invalid", frozenset(SCOPES), via)


def _password(sent: str) -> str:
    try:
        return base64.b64decode(sent, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
