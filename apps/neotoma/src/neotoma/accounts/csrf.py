"""Only our own pages may speak for a signed-in browser. Bearer tokens need none of this: browsers add none unasked."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from neotoma.accounts.caller import Caller
from neotoma.problems import Problem

FIELD, HEADER = "csrf", "x-csrf-token"
SAFE = ("GET", "HEAD", "OPTIONS")


def token(caller: Caller) -> str:
    """What forms of this session carry in ``csrf``, and scripts in ``X-CSRF-Token``; empty without a session."""
    return hmac.new(bytes.fromhex(caller.session), b"csrf", hashlib.sha256).hexdigest() if caller.session else ""


def check(request: Request, caller: Caller, form: Mapping[str, Any] | None = None) -> None:
    """Raises Problem 403 unless the request comes from one of our pages, for this session."""
    if caller.via != "session":
        return
    same_origin(request)
    sent = request.headers.get(HEADER) or (form or {}).get(FIELD)
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), token(caller).encode()):
        raise _refused()


def same_origin(request: Request) -> None:
    """Raises Problem 403 for a request that a page of somebody else's made. Programs, which tell no origin, pass.

    ``Origin: null`` is what browsers send under a strict referrer policy, and what a hostile sandboxed frame sends; it
    passes only where the browser says the site is the same.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        raise _refused()
    if site is None and origin is not None and not _ours(request, origin):
        raise _refused()


def _ours(request: Request, origin: str) -> bool:
    return origin == request.app.state.nest.settings.url or urlsplit(origin).netloc == request.headers.get("host")


def _refused() -> Problem:
    message = "This form is not from your session: it may be old, or from another site. Load the page again and resend."
    return Problem(403, "csrf", message)
