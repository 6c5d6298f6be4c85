"""Who may use MCP over HTTP: the bearer of the token."""

from uuid import UUID

from mcp.server.auth.provider import AccessToken, TokenVerifier
from starlette.routing import BaseRoute

from neotoma.accounts import current
from neotoma.accounts.caller import SCOPES, Caller
from neotoma.nest import Nest


def resource(url: str) -> str:
    """The resource that a token must have been issued for."""
    return f"{url}/mcp"


def metadata_url(url: str) -> str:
    """Where the resource says who issues tokens for it: nowhere, there is one token."""
    del url
    return ""


def caller(token: AccessToken) -> Caller:
    """The person behind a verified token."""
    return Caller(UUID(token.subject), "", frozenset(token.scopes), "token")


def verifier(nest: Nest) -> TokenVerifier:
    """Tells what a token allows, or None."""
    return _Verifier(nest)


def routes(nest: Nest) -> list[BaseRoute]:
    """The addresses at which clients ask for credentials: none."""
    del nest
    return []


class _Verifier:
    def __init__(self, nest: Nest) -> None:
        self._nest = nest

    async def verify_token(self, token: str) -> AccessToken | None:
        """What it allows."""
        if not current.known(self._nest, token):
            return None
        url, subject = self._nest.settings.url, str(current.owner("token").user)
        return AccessToken(
            token=token, client_id="owner", scopes=sorted(SCOPES), resource=resource(url), subject=subject
        )
