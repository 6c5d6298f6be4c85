"""Who may use MCP over HTTP: bearers of a person's API tokens, and agents that a person let in through OAuth.

An agent's token is bound to this resource by being issued for it. An API token may do here what it may do elsewhere.
"""

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.routes import create_auth_routes, create_protected_resource_routes
from mcp.server.auth.settings import ClientRegistrationOptions, RevocationOptions
from pydantic import AnyHttpUrl
from starlette.routing import BaseRoute

from neotoma.accounts import current, oauth
from neotoma.accounts.caller import SCOPES, Caller
from neotoma.nest import Nest

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def resource(url: str) -> str:
    """The resource that a token must have been issued for."""
    return f"{url}/mcp"


def metadata_url(url: str) -> str:
    """Where the resource says who issues tokens for it; empty where OAuth may not be used."""
    return f"{url}/.well-known/oauth-protected-resource/mcp" if _secure(url) else ""


def caller(token: AccessToken) -> Caller:
    """The person behind a verified token."""
    claims = token.claims or {}
    return Caller(UUID(token.subject), claims.get("email", ""), frozenset(token.scopes), claims.get("via", "oauth"))


def verifier(nest: Nest) -> TokenVerifier:
    """Tells what a token allows, or None."""
    return _Verifier(nest)


def routes(nest: Nest) -> list[BaseRoute]:
    """The addresses at which clients find out, ask for and give back credentials.

    None if the service is reached without TLS from elsewhere: OAuth forbids it, API tokens remain.
    """
    url = nest.settings.url
    if not _secure(url):
        return []
    issuer, scopes = AnyHttpUrl(url), list(SCOPES)
    return [
        *create_protected_resource_routes(
            AnyHttpUrl(resource(url)), [issuer], scopes_supported=scopes, resource_name="Neotoma"
        ),
        *create_auth_routes(
            oauth.Provider(nest),
            issuer,
            client_registration_options=ClientRegistrationOptions(
                enabled=True, valid_scopes=scopes, default_scopes=scopes
            ),
            revocation_options=RevocationOptions(enabled=True),
        ),
    ]


def _secure(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK


class _Verifier:
    def __init__(self, nest: Nest) -> None:
        self._nest: Nest = nest
        self._agents: Any = oauth.Provider(nest)

    async def verify_token(self, token: str) -> AccessToken | None:
        """What it allows."""
        if found := await current.by_token(self._nest, token):
            return AccessToken(
                token=token,
                client_id="api-token",
                scopes=sorted(found.scopes),
                resource=resource(self._nest.settings.url),
                subject=str(found.user),
                claims={"email": found.email, "via": found.via},
            )
        access: AccessToken | None = await self._agents.verify_token(token)
        return access
