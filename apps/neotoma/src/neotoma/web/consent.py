"""Where a person lets an agent in, or does not. The address carries what was asked; all of it is checked here again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from mcp.server.auth.provider import construct_redirect_uri
from mcp.shared.auth import InvalidRedirectUriError
from pydantic import AnyUrl, ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from neotoma.accounts import clients, grants
from neotoma.accounts.caller import SCOPES, Caller
from neotoma.accounts.grants import Allowed
from neotoma.accounts.oauth import resource
from neotoma.nest import Nest
from neotoma.observe import CONTENT_SECURITY_POLICY
from neotoma.problems import Problem
from neotoma.web.rendering import page, person, see_other
from neotoma.web.signed import nest_of, writer

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # S256 gives nothing else
FIELDS = ("client_id", "redirect_uri", "explicit", "scope", "state", "code_challenge")
MEANING = {"read": "Read your sources, facts and timeline", "write": "Store, correct and delete in your memory"}


@dataclass(frozen=True)
class Asked:
    """A valid request. ``fields`` are what the form sends back."""

    allowed: Allowed
    state: str
    fields: Mapping[str, str]


async def ask(request: Request) -> Response:
    """``GET /oauth/consent``: who asks, where it leads and what it may; first sign in."""
    asked = await _asked(nest_of(request), request.query_params)
    if (who := await _signed_in(request)) is None:
        return see_other("/login", next=f"{request.url.path}?{urlencode(asked.fields)}")
    allowed, where = asked.allowed, urlsplit(asked.allowed.redirect_uri)
    response = page(
        request,
        "consent.html",
        who,
        name=allowed.client_name or "An agent without a name",
        host=where.netloc or f"{where.scheme}:",
        local=where.hostname in clients.LOOPBACK,
        scopes=[(scope, MEANING[scope]) for scope in allowed.scopes],
        fields=asked.fields,
    )
    response.headers["Content-Security-Policy"] = _policy(allowed.redirect_uri)
    return response


async def answer(request: Request) -> Response:
    """``POST /oauth/consent``: back to the agent, with a code or with a no."""
    who, form = await writer(request, "/account")
    if who.via != "session":
        raise Problem(403, "not_a_person", "Only a person who is signed in can let an agent in.")
    nest = nest_of(request)
    asked = await _asked(nest, form)
    if form.get("answer") != "allow":
        return _back(nest, asked, error="access_denied", error_description="The person said no.")
    code = await grants.allow(nest.database, who.user, asked.allowed)
    return _back(nest, asked, code=code)


async def _signed_in(request: Request) -> Caller | None:
    who = await person(request)
    return who if who is not None and who.via == "session" else None


async def _asked(nest: Nest, sent: Mapping[str, Any]) -> Asked:
    """Raises Problem 400; then nobody is sent anywhere, for nothing in the request can be trusted."""
    fields = {name: value for name in FIELDS if isinstance(value := sent.get(name, ""), str)}
    client = await clients.find(nest.database, fields.get("client_id", ""))
    if client is None:
        raise Problem(400, "unknown_client", "This agent is not registered here. Let it connect again from the start.")
    try:
        uri = str(client.validate_redirect_uri(AnyUrl(fields.get("redirect_uri", ""))))
    except (InvalidRedirectUriError, ValidationError) as error:
        message = "This agent did not register the address it wants the answer at. Do not trust the link you followed."
        raise Problem(400, "bad_redirect", message) from error
    scopes = fields.get("scope", "").split()
    known = set((client.scope or "").split()) & set(SCOPES)
    if not scopes or not set(scopes) <= known or not CHALLENGE.fullmatch(fields.get("code_challenge", "")):
        raise Problem(400, "bad_request", "The agent's request is incomplete. Let it connect again from the start.")
    allowed = Allowed(
        client.client_id,
        client.client_name or "",
        tuple(scope for scope in SCOPES if scope in scopes),
        resource(nest.settings.url),
        fields["code_challenge"],
        uri,
        bool(fields.get("explicit")),
    )
    return Asked(allowed, fields.get("state", ""), fields)


def _back(nest: Nest, asked: Asked, **said: str) -> Response:
    """To the agent. ``iss`` tells it which server answers (RFC 9207)."""
    where = construct_redirect_uri(asked.allowed.redirect_uri, **said, state=asked.state or None, iss=nest.settings.url)
    return RedirectResponse(where, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _policy(redirect_uri: str) -> str:
    """The page's form leads to the agent's address and nowhere else; browsers check where its answer redirects too."""
    parts = urlsplit(redirect_uri)
    source = f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"
    if not re.fullmatch(r"[A-Za-z0-9:/.\[\]_-]+", source):
        raise Problem(400, "bad_redirect", "The agent's address is not one that a browser can be trusted to go to.")
    return CONTENT_SECURITY_POLICY.replace("form-action 'self'", f"form-action 'self' {source}")
