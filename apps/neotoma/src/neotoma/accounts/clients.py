"""Agents that registered themselves. What they say of themselves is shown to people, and trusted for nothing.

A client's secret is kept as a digest, though the SDK compares secrets in the clear: ``Authenticator`` gives it the
secret that was sent in place of the kept one if, and only if, its digest is the kept one.
"""

import base64
import hmac
import re
from contextlib import suppress
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from mcp.server.auth.middleware.client_auth import ClientAuthenticator
from mcp.server.auth.provider import RegistrationError
from mcp.shared.auth import OAuthClientInformationFull
from psycopg.types.json import Jsonb
from pydantic import ValidationError
from starlette.requests import Request

from neotoma.accounts import credentials
from neotoma.accounts.caller import SCOPES
from neotoma.database import Database

LOOPBACK = ("127.0.0.1", "localhost", "::1")
FORBIDDEN_SCHEMES = (
    "javascript",
    "data",
    "file",
    "vbscript",
    "blob",
    "about",
    "filesystem",
    "view-source",
    "ws",
    "wss",
)
SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,60}")
MOST_REDIRECTS, LONGEST_REDIRECT, LONGEST_NAME = 10, 1000, 100
KEPT = ("client_id", "client_name", "redirect_uris", "grant_types", "response_types", "scope", "application_type")


async def find(database: Database, id: str) -> OAuthClientInformationFull | None:
    """A registered client; its secret is the digest of the one it knows."""
    async with database.of_nobody() as connection:
        found = await (await connection.execute("SELECT oauth_client(%s)", (id.replace("\0", ""),))).fetchone()
    try:
        return OAuthClientInformationFull.model_validate(found[0]) if found and found[0] else None
    except ValidationError:
        return None


async def register(database: Database, info: OAuthClientInformationFull) -> None:
    """Keep a new client. Raises RegistrationError for redirects that could lead a code astray."""
    for uri in info.redirect_uris or []:
        _check_redirect(str(uri))
    if not 0 < len(info.redirect_uris or []) <= MOST_REDIRECTS:
        raise RegistrationError("invalid_redirect_uri", f"Register 1 to {MOST_REDIRECTS} redirect URIs.")
    info.scope = _scope(info.scope)
    info.client_name = _name(info.client_name)
    kept: dict[str, Any] = {key: value for key, value in info.model_dump(mode="json").items() if key in KEPT}
    kept["token_endpoint_auth_method"] = info.token_endpoint_auth_method
    kept["client_secret"] = credentials.digest(info.client_secret).hex() if info.client_secret else None
    async with database.of_nobody() as connection:
        await connection.execute("SELECT oauth_client_add(%s, %s)", (info.client_id, Jsonb(kept)))


class Authenticator(ClientAuthenticator):
    """The SDK's authenticator, over digests of secrets."""

    async def authenticate_request(self, request: Request) -> OAuthClientInformationFull:
        """The client that sent the request. Raises the SDK's AuthenticationError."""
        sent = _secret(request.headers.get("authorization", ""), (await request.form()).get("client_secret"))
        comparing = cast("Any", _Comparing(self.provider, sent))  # the authenticator asks for a client and nothing else
        return await ClientAuthenticator(comparing).authenticate_request(request)


class _Comparing:
    """A provider whose clients have the secret that was sent, if it is theirs; else one that nobody knows."""

    def __init__(self, provider: Any, sent: tuple[str, ...]) -> None:
        self._provider, self._sent = provider, sent

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        found: OAuthClientInformationFull | None = await self._provider.get_client(client_id)
        if found is not None and found.client_secret:
            matching = (one for one in self._sent if _matches(one, found.client_secret))
            found.client_secret = next(matching, credentials.new())
        return found


def _matches(sent: str, kept: str) -> bool:
    return hmac.compare_digest(credentials.digest(sent).hex(), kept)


def _secret(header: str, field: object) -> tuple[str, ...]:
    """The secrets in a request: of the form, and of Basic authentication."""
    found = [field] if isinstance(field, str) else []
    if header.startswith("Basic "):
        with suppress(ValueError):
            found.append(unquote(base64.b64decode(header[6:]).decode().partition(":")[2]))
    return tuple(one.encode(errors="replace").decode() for one in found)


def _check_redirect(uri: str) -> None:
    parts = urlsplit(uri)
    if len(uri) > LONGEST_REDIRECT or parts.fragment or parts.username is not None or not uri.isprintable():
        raise RegistrationError("invalid_redirect_uri", "A redirect URI has no fragment, no user and no end in sight.")
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    own = parts.scheme not in ("http", "https", *FORBIDDEN_SCHEMES) and SCHEME.fullmatch(parts.scheme)
    if not safe and not own:
        message = "Redirect to https, to http on this machine, or to a scheme of your own application."
        raise RegistrationError("invalid_redirect_uri", message)
    if safe and not parts.hostname:
        raise RegistrationError("invalid_redirect_uri", "A redirect URI names a host.")


def _scope(asked: str | None) -> str:
    scopes = asked.split() if asked else list(SCOPES)
    if not set(scopes) <= set(SCOPES):
        raise RegistrationError("invalid_client_metadata", f"The scopes are {' and '.join(SCOPES)}.")
    return " ".join(scope for scope in SCOPES if scope in scopes)


def _name(sent: str | None) -> str | None:
    """A name that can be shown to people without playing tricks on them."""
    return "".join(mark for mark in " ".join((sent or "").split()) if mark.isprintable())[:LONGEST_NAME] or None
