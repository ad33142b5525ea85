"""The first account of an installation, made with the one-time link."""

import httpx

from tests.integration.api.conftest import ADDRESS

EMAIL = "ada@example.org"
PASSWORD = "correct horse battery"
ORIGIN = {"Origin": ADDRESS}


async def make_owner(client: httpx.AsyncClient, link: str) -> httpx.Response:
    """Send the form of the first run."""
    fields = {"token": link, "email": EMAIL, "password": PASSWORD}
    return await client.post("/api/auth/first-run", data=fields, headers=ORIGIN)
