"""Browsers that sign in elsewhere, step by step."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from tests.integration.api.conftest import ADDRESS

CALLBACK = f"{ADDRESS}/api/auth/oauth/company/callback"
START = "/api/auth/oauth/company/start"


def query_of(url: str) -> dict[str, str]:
    """Return the query of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def with_query(url: str, **changes: str) -> str:
    """Return an address with some of its query changed; an empty value takes a part away."""
    changed = {**query_of(url), **changes}
    kept = {name: value for name, value in changed.items() if value}
    return f"{url.partition('?')[0]}?{urlencode(kept)}"


async def ask_provider(url: str) -> str:
    """Follow the browser to the service, whose user agrees, and return where it is sent back to."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(url)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


@dataclass
class Browser:
    """A browser, with its cookies."""

    client: httpx.AsyncClient

    def keep(self, cookie: dict[str, str]) -> None:
        """Hold a cookie as if it had been set; a header of the tests would push out all others."""
        self.client.headers.pop("Cookie", None)
        name, _, value = cookie["Cookie"].partition("=")
        self.client.cookies.set(name, value)

    async def begin(self, path: str = START) -> str:
        """Click on the link of the login page; returns the address at the service."""
        answer = await self.client.get(path)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def come_back(self, url: str) -> str:
        """Go where the service sends us back to; returns where that leads."""
        answer = await self.client.get(url)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def sign_in(self, path: str = START) -> str:
        """Go the whole way; returns where it leads."""
        return await self.come_back(await ask_provider(await self.begin(path)))

    async def email(self) -> str | None:
        """Return who is signed in."""
        answer = await self.client.get("/api/auth/me")
        return answer.json()["email"] if answer.status_code == 200 else None
