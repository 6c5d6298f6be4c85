"""OAuth as an agent meets it: the SDK's own client finds its way in, is let in by a person, and stays in."""

import asyncio
import re
import uuid
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
from apps.neotoma.tests.support import Database, Service
from apps.neotoma.tests.support_accounts import PASSWORD
from apps.neotoma.tests.support_mcp import MODERN, READING, WRITING, answered
from apps.neotoma.tests.support_oauth import BACK, age
from mcp.client.auth import OAuthClientProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl


class Kept:
    """What the agent keeps: who it is, and its tokens, in the order in which it got them."""

    def __init__(self) -> None:
        self.client: OAuthClientInformationFull | None = None
        self.tokens: list[OAuthToken] = []

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens[-1] if self.tokens else None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens.append(tokens)

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Person:
    """Somebody with an account, whose browser the agent opens at an address."""

    def __init__(self, service: Service) -> None:
        self.email, self.asked, self.said = f"{uuid.uuid4().hex}@example.org", 0, ""
        self._browser = httpx.AsyncClient(base_url=service.url, timeout=20)
        account = {"email": self.email, "password": PASSWORD}
        assert httpx.post(f"{service.url}/api/accounts", json=account, timeout=20).status_code == 201

    async def opens(self, address: str) -> None:
        """Signs in where that is asked, and says yes."""
        self.asked += 1
        page = await self._browser.get(address, follow_redirects=True)
        assert page.url.path == "/login"
        sent = self._hidden(page.text) | {"email": self.email, "password": PASSWORD}
        page = await self._browser.post("/login", data=sent, follow_redirects=True)
        assert "Claudine" in page.text
        sent = self._hidden(page.text) | {"answer": "allow"}
        self.said = (await self._browser.post("/oauth/consent", data=sent)).headers["location"]
        await self._browser.aclose()

    async def comes_back(self) -> AuthorizationCodeResult:
        """What the agent finds in the address that the browser is sent to."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.said).query).items()}
        return AuthorizationCodeResult(**query)

    def _hidden(self, text: str) -> dict[str, str]:
        found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', text)
        return {name: unescape(value) for name, value in found}


async def used(service: Service, provider: OAuthClientProvider, tool: str) -> tuple[set[str], Any]:
    """The tools that there are, and the answer of one, over a connection of its own."""
    async with httpx2.AsyncClient(auth=provider, timeout=30) as http:
        transport = streamable_http_client(f"{service.url}/mcp", http_client=http)
        async with Client(transport, mode=MODERN) as client:
            there = {listed.name for listed in (await client.list_tools()).tools}
            return there, answered(await client.call_tool(tool, {}))


def test_the_sdks_client_registers_is_let_in_works_and_renews_its_token(
    current: Service, current_database: Database
) -> None:
    person, kept = Person(current), Kept()
    metadata = OAuthClientMetadata(client_name="Claudine", redirect_uris=[AnyUrl(BACK)])
    provider = OAuthClientProvider(f"{current.url}/mcp", metadata, kept, person.opens, person.comes_back)

    async def run() -> None:
        tools, answer = await used(current, provider, "get_authenticated_user")
        assert tools == READING | WRITING
        assert answer["email"] == person.email
        age(current_database, "access", "2 hours")
        provider.context.token_expiry_time = 1  # the agent's clock is as far on as ours
        _, answer = await used(current, provider, "get_authenticated_user")
        assert answer["email"] == person.email

    asyncio.run(run())
    first, second = kept.tokens
    assert kept.client is not None
    assert person.asked == 1
    assert first.access_token != second.access_token
    assert first.refresh_token != second.refresh_token
