"""OAuth 2.1 for MCP clients, as the SDK wants it: codes with PKCE, rotating refresh tokens, one resource.

The SDK speaks the protocol (``oauth_routes.py`` mounts it); what it asks about is answered here, from ``clients.py``
and ``grants.py``. People say yes on the page in ``web/consent.py``.
"""

import time
from urllib.parse import urlencode
from uuid import UUID

from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    AuthorizeError,
    OAuthAuthorizationServerProvider,
    RefreshToken,
    TokenError,
)
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyUrl

from neotoma.accounts import clients, current, grants
from neotoma.accounts.caller import SCOPES
from neotoma.accounts.grants import Held
from neotoma.nest import Nest


class Code(AuthorizationCode):
    """A code, with what is kept of it."""

    held: Held


class Refresh(RefreshToken):
    """A refresh token, with what is kept of it."""

    held: Held


class Access(AccessToken):
    """An access token; ``grant`` is None for an API token, which nobody can revoke by OAuth."""

    grant: UUID | None = None


def resource(url: str) -> str:
    """The one resource that tokens are for (RFC 8707)."""
    return f"{url}/mcp"


class Provider(OAuthAuthorizationServerProvider[Code, Refresh, Access]):
    """The SDK's protocols of an authorization server and of a verifier of tokens."""

    def __init__(self, nest: Nest) -> None:
        self.nest, self._database, self._url = nest, nest.database, nest.settings.url

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        """A registered client."""
        return await clients.find(self._database, client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        """Keep a client. Raises RegistrationError."""
        await clients.register(self._database, client_info)

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        """Where the person is asked. Everything is in the address and checked again there; nothing is kept yet."""
        if params.resource is not None and params.resource.rstrip("/") != resource(self._url):
            raise AuthorizeError("invalid_target", f"Tokens of this server are for {resource(self._url)} only.")
        asked = {
            "client_id": client.client_id,
            "redirect_uri": str(params.redirect_uri),
            "explicit": "1" if params.redirect_uri_provided_explicitly else "",
            "scope": " ".join(params.scopes or (client.scope or " ".join(SCOPES)).split()),
            "state": params.state or "",
            "code_challenge": params.code_challenge,
        }
        return f"{self._url}/oauth/consent?{urlencode(asked)}"

    async def load_authorization_code(self, client: OAuthClientInformationFull, authorization_code: str) -> Code | None:
        """A code of this client. One that was used before ends its grant."""
        held = await self._held("code", client, authorization_code)
        if held is None:
            return None
        return Code(
            code=authorization_code,
            scopes=list(held.allowed.scopes),
            expires_at=held.expires_at.timestamp(),
            client_id=held.allowed.client_id,
            code_challenge=held.allowed.challenge,
            redirect_uri=AnyUrl(held.allowed.redirect_uri),
            redirect_uri_provided_explicitly=held.allowed.explicit,
            resource=held.allowed.resource,
            subject=str(held.user),
            held=held,
        )

    async def exchange_authorization_code(
        self,
        client: OAuthClientInformationFull,  # noqa: ARG002 - the code was loaded for it
        authorization_code: Code,
    ) -> OAuthToken:
        """Tokens for a code, once."""
        return await self._exchange(authorization_code.held, authorization_code.scopes)

    async def load_refresh_token(self, client: OAuthClientInformationFull, refresh_token: str) -> Refresh | None:
        """A refresh token of this client. One that was used before ends its grant."""
        held = await self._held("refresh", client, refresh_token)
        if held is None:
            return None
        return Refresh(
            token=refresh_token,
            client_id=held.allowed.client_id,
            scopes=list(held.allowed.scopes),
            expires_at=int(held.expires_at.timestamp()),
            resource=held.allowed.resource,
            subject=str(held.user),
            held=held,
        )

    async def exchange_refresh_token(
        self,
        client: OAuthClientInformationFull,  # noqa: ARG002 - the token was loaded for it
        refresh_token: Refresh,
        scopes: list[str],
    ) -> OAuthToken:
        """New tokens for a refresh token, once."""
        return await self._exchange(refresh_token.held, scopes)

    async def load_access_token(self, token: str) -> Access | None:
        """What a bearer may do: with an access token, or with an API token, which is for all of this service."""
        if (caller := await current.by_token(self.nest, token)) is not None:
            claims = {"email": caller.email, "via": caller.via, "iss": self._url}
            return self._access(token, "api-token", caller.scopes, caller.user, claims)
        held = await grants.held(self._database, "access", token)
        if held is None or held.expires_at.timestamp() <= time.time() or held.allowed.resource != resource(self._url):
            return None
        claims = {"email": held.email, "via": "oauth", "iss": self._url}
        access = self._access(token, held.allowed.client_id, frozenset(held.allowed.scopes), held.user, claims)
        return access.model_copy(update={"grant": held.grant, "expires_at": int(held.expires_at.timestamp())})

    async def verify_token(self, token: str) -> Access | None:
        """The same, by the name that resource servers use."""
        return await self.load_access_token(token)

    async def revoke_token(self, token: Access | Refresh) -> None:
        """End the grant of a token, and with it every other token of it."""
        grant = token.held.grant if isinstance(token, Refresh) else token.grant
        if grant is not None and token.subject is not None:
            await grants.end(self._database, UUID(token.subject), grant)

    def _access(self, token: str, client_id: str, scopes: frozenset[str], user: UUID, claims: dict[str, str]) -> Access:
        granted = [scope for scope in SCOPES if scope in scopes]
        where = resource(self._url)
        return Access(
            token=token, client_id=client_id, scopes=granted, resource=where, subject=str(user), claims=dict(claims)
        )

    async def _held(self, kind: str, client: OAuthClientInformationFull, secret: str) -> Held | None:
        held = await grants.held(self._database, kind, secret)
        if held is None or held.allowed.client_id != client.client_id:
            return None
        if held.used:
            await grants.end(self._database, held.user, held.grant)
            return None
        return held

    async def _exchange(self, held: Held, scopes: list[str]) -> OAuthToken:
        issued = await grants.exchange(self._database, held, scopes)
        if issued is None:
            message = "It was used before or taken back. Everything it led to has ended; ask the person again."
            raise TokenError("invalid_grant", message)
        return OAuthToken(
            access_token=issued.access,
            expires_in=issued.seconds,
            scope=" ".join(issued.scopes),
            refresh_token=issued.refresh,
        )
