"""The runtime's port is closed to whoever has neither a key nor the internal token."""

import httpx
import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.settings import Settings
from app.backend.identity import keys
from tests.processes import Fork

ROUTES = [
    ("GET", "/v1/models"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/embeddings"),
    ("POST", "/execute"),
    ("POST", "/mcp"),
    ("GET", "/mcp"),
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/health/"),
    ("GET", "//health"),
]
HEADERS = [
    {},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer wrong"},
    {"Authorization": "Basic d3Jvbmc="},
    {"Authorization": "Bearer " + "x" * 4000},
    {"Cookie": "session=x"},
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_route_without_a_key_is_closed(
    settings: Settings, own_runtime: Fork, method: str, path: str
) -> None:
    del own_runtime
    async with httpx.AsyncClient() as anyone:
        answers = [
            await anyone.request(
                method, f"{settings.runtime_address}{path}", headers=headers
            )
            for headers in HEADERS
        ]

    assert {answer.status_code for answer in answers} == {401}
    assert answers[0].json() == {
        "error": "Unauthorized",
        "code": "AUTH_REQUIRED",
        "message": "Send an API key of this installation as `Authorization: Bearer <key>`.",
    }


async def test_key_opens_until_it_is_revoked(
    client: httpx.AsyncClient, services: Services, actor: Actor
) -> None:
    before = await client.get("/v1/models")
    async with services.db.transaction() as session:
        listed = await keys.list_keys(session, actor)
        await keys.revoke_key(session, actor, key_id=listed.items[0].id)
    after = await client.get("/v1/models")

    assert (before.status_code, after.status_code) == (200, 401)


async def test_internal_token_of_another_installation_is_nothing(
    settings: Settings, own_runtime: Fork, services: Services
) -> None:
    del own_runtime
    other = services.keyring.token("runtime")[:-1] + "0"
    async with httpx.AsyncClient(
        headers={"Authorization": f"Bearer {other}"}
    ) as client:
        answer = await client.get(f"{settings.runtime_address}/v1/models")

    assert answer.status_code == 401


async def test_use_of_a_key_is_noted(
    client: httpx.AsyncClient, services: Services, actor: Actor
) -> None:
    await client.get("/v1/models")

    async with services.db.read() as session:
        listed = await keys.list_keys(session, actor)
    assert listed.items[0].last_used_at is not None
