"""Who may use MCP over HTTP: bearers of a person's API tokens, and agents that a person let in through OAuth.

An agent's token is bound to this resource by being issued for it. An API token may do here what it may do elsewhere.
"""

from urllib.parse import urlsplit
from uuid import UUID

from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.routes import create_protected_resource_routes
from pydantic import AnyHttpUrl
from starlette.routing import BaseRoute

from neotoma.accounts import oauth, oauth_routes
from neotoma.accounts.caller import SCOPES, Caller
from neotoma.accounts.clients import LOOPBACK
from neotoma.nest import Nest

resource = oauth.resource


def metadata_url(url: str) -> str:
    """Where the resource says who issues tokens for it; empty where OAuth may not be used."""
    return f"{url}/.well-known/oauth-protected-resource/mcp" if _secure(url) else ""


def caller(token: AccessToken) -> Caller:
    """The person behind a verified token."""
    claims = token.claims or {}
    return Caller(UUID(token.subject), claims["email"], frozenset(token.scopes), claims["via"])


def verifier(nest: Nest) -> TokenVerifier:
    """Tells what a token allows, or None."""
    return oauth.Provider(nest)


def routes(nest: Nest) -> list[BaseRoute]:
    """The addresses at which clients find out, ask for and give back credentials.

    None if the service is reached without TLS from elsewhere: OAuth forbids it, API tokens remain.
    """
    url, scopes = nest.settings.url, list(SCOPES)
    if not _secure(url):
        return []
    issuer = oauth_routes.metadata(url).issuer  # as it names itself, to the letter: AnyHttpUrl(url) ends in a slash
    described = create_protected_resource_routes(
        AnyHttpUrl(resource(url)), [issuer], scopes_supported=scopes, resource_name="Neotoma"
    )
    return [*described, *oauth_routes.routes(oauth.Provider(nest))]


def _secure(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK
