"""Health, version, documentation, downloads, and what nobody expected."""

import asyncio
import re
import ssl
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount

from app.backend.api.health import CHECKS, Health, PartHealth, SystemHealth, check_for
from app.backend.bootstrap import Services
from app.backend.core import clock, project, tls
from app.backend.core.actor import Actor
from app.backend.core.settings import Settings
from app.backend.providers.breaker import FAILURES_MAX, Breaker
from app.backend.providers.errors import ModelUnavailable
from tests.api import make_api
from tests.integration.api.conftest import ADDRESS
from tests.parts import free_port
from tests.processes import Fork


def _client(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=ADDRESS)


async def test_everybody_may_ask_whether_it_lives(stranger: httpx.AsyncClient) -> None:
    for path in ("/health", "/health/live", "/health/startup/"):
        answer = await stranger.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_version_is_open(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/version")

    assert set(answer.json()) == {"name", "version"}


async def test_certificates_are_read_once_and_not_for_each_look(
    services: Services, runtime_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runtime_url
    tls.trusted()
    read: list[object] = []

    def note(*args: object, **options: object) -> ssl.SSLContext:
        read.append((args, options))
        return tls.trusted()

    monkeypatch.setattr(ssl, "create_default_context", note)
    await CHECKS["runtime"](services)

    assert read == []


async def test_readiness_names_each_part(
    stranger: httpx.AsyncClient,
    runtime_url: str,
    worker: Fork,
    services: Services,
) -> None:
    assert runtime_url
    async with asyncio.timeout(20):
        while not await services.redis.exists("rq:workers"):
            pass
    answer = await stranger.get("/health/ready")

    states = {part["name"]: part["status"] for part in answer.json()["parts"]}
    assert answer.status_code == 200
    assert states == {
        "database": "ok",
        "redis": "ok",
        "vectors": "ok",
        "objects": "ok",
        "runtime": "ok",
        "workers": "ok",
        "scheduler": "down",
        "models": "ok",
    }
    assert answer.json()["status"] == "degraded"


async def test_readiness_fails_without_redis(
    services: Services, settings: Settings
) -> None:
    class WithoutRedis:
        redis = Redis.from_url(f"redis://127.0.0.1:{free_port()}")

        def __getattr__(self, name: str) -> object:
            return getattr(services, name)

    app = make_api(settings)
    app.state.services = WithoutRedis()
    async with _client(app) as client:
        answer = await client.get("/health/ready")

    assert (answer.status_code, answer.json()["status"]) == (503, "down")


async def test_users_see_what_is_wrong_and_what_to_do(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    detailed = (await client.get("/api/v1/system/health")).json()
    public = (await stranger.get("/health/ready")).json()

    (workers,) = [part for part in detailed["parts"] if part["name"] == "workers"]
    assert "atelier up" in workers["message"]
    assert "atelier up" not in str(public)


async def test_starting_process_says_so(settings: Settings) -> None:
    async with _client(make_api(settings)) as client:
        answer = await client.get("/health/startup")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


async def test_unexpected_error_shows_an_id_and_nothing_else(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    @app.get("/api/v1/broken")
    async def broken() -> None:
        message = "a secret"
        raise RuntimeError(message)

    app.router.routes.insert(0, app.router.routes.pop())
    answer = await client.get("/api/v1/broken")

    assert answer.status_code == 500
    assert set(answer.json()) == {"error", "correlation_id"}
    assert answer.json()["correlation_id"] == answer.headers["X-Correlation-Id"]
    assert "secret" not in answer.text


async def test_absent_address_and_wrong_method(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    app.mount("", Starlette(routes=[Mount("/", PlainTextResponse("page"))]))
    absent = await client.get("/api/v2/agents")
    wrong = await client.put("/api/v1/agents", json={})

    assert absent.json() == {
        "error": "Resource not found",
        "resource": "route",
        "id": "/api/v2/agents",
    }
    assert wrong.status_code == 405
    assert wrong.headers["Allow"] == "GET, POST"


async def test_documentation_needs_nothing_from_elsewhere(
    client: httpx.AsyncClient,
) -> None:
    page = await client.get("/docs/")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert page.status_code == 200
    assert len(addresses) == 3
    for address in addresses:
        assert address.startswith("/docs/assets/")
        assert (await client.get(address)).status_code == 200
    assert (await client.get("/docs/assets/../secret")).status_code == 404
    assert "'sha256-" in page.headers["Content-Security-Policy"]
    assert (await client.get("/openapi.json")).json()["info"]["title"] == "Atelier"


async def test_download_by_signed_address(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, services: Services
) -> None:
    made = await client.post("/api/v1/collections", json={"name": "Handbook"})
    path = f"/api/v1/collections/{made.json()['id']}/documents"
    file = ("Größe «x».txt", b"Salt is white.", "text/plain")
    uploaded = await client.post(path, files={"files": file})
    document_id = uploaded.json()["items"][0]["id"]

    redirect = await client.get(f"/api/v1/documents/{document_id}/download")
    address = redirect.headers["location"].replace(services.settings.web_address, "")
    answer = await stranger.get(address)

    assert redirect.status_code == 307
    assert (answer.status_code, answer.text) == (200, "Salt is white.")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    for forged in (
        address.replace("expires=1", "expires=2"),
        re.sub(r"signature=\w{4}", "signature=0000", address),
        re.sub(r"name=[^&]+", "name=x.html", address),
        address.replace("/original", "/parsed.json"),
    ):
        assert (await stranger.get(forged)).status_code == 404


@pytest.mark.parametrize("key", ["../secret.key", "..%2fsecret.key", "a//b", "A"])
async def test_download_of_a_wrong_key_is_refused(
    stranger: httpx.AsyncClient, key: str
) -> None:
    query = "name=x&expires=9999999999&signature=00"
    answer = await stranger.get(f"/files/{key}?{query}")

    assert answer.status_code in (401, 404)


async def test_collections_and_documents(client: httpx.AsyncClient) -> None:
    made = (await client.post("/api/v1/collections", json={"name": "Handbook"})).json()
    path = f"/api/v1/collections/{made['id']}"
    renamed = await client.put(path, json={"name": "Manual"})
    uploaded = await client.post(
        f"{path}/documents", files={"files": ("a.txt", b"Salt is white.")}
    )
    document = uploaded.json()["items"][0]
    listed = await client.get(f"{path}/documents")
    early = await client.post(f"/api/v1/documents/{document['id']}/retry")
    chunks = await client.get(f"/api/v1/documents/{document['id']}/chunks")
    deleted = await client.delete(f"/api/v1/documents/{document['id']}")
    emptied = await client.get(f"{path}/documents")
    gone = await client.delete(path)

    assert renamed.json()["name"] == "Manual"
    assert listed.json()["items"] == [document]
    assert early.status_code == 409
    assert chunks.json() == {"items": [], "next_cursor": None}
    assert (deleted.status_code, gone.status_code) == (204, 204)
    assert emptied.json()["items"] == []


async def test_upload_without_a_file_or_too_large_is_refused(
    client: httpx.AsyncClient,
) -> None:
    made = (await client.post("/api/v1/collections", json={"name": "Handbook"})).json()
    path = f"/api/v1/collections/{made['id']}/documents"

    none = await client.post(path)
    text = await client.post(path, data={"files": "text"})
    huge = await client.post(path, files={"files": ("a.txt", b"a" * 11 * 2**20)})

    assert none.status_code == text.status_code == 400
    assert (huge.status_code, huge.json()["code"]) == (413, "FILE_TOO_LARGE")
    assert "10 MB" in huge.json()["message"]


async def test_models_are_listed(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/v1/models")).json()

    assert any(model["is_default"] for model in answer["items"])


def test_documented_addresses_are_the_real_ones(app: FastAPI) -> None:
    text = (Path(project.DOCS) / "api.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z]+ /[^`]*)`", text, re.MULTILINE))
    real = {
        f"{method.upper()} {path}"
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }

    assert documented == real


async def test_health_names_services_that_are_left_alone_to_those_who_use_them(
    client: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    services: Services,
    actor: Actor,
) -> None:
    body = {
        "type": "openai_compatible",
        "name": "work",
        "settings": {"base_url": "http://127.0.0.1:9/v1"},
    }
    made = await client.post("/api/v1/providers", json=body)
    service = f"{made.json()['id']}:mark"
    breaker = Breaker(services.redis)
    for _ in range(FAILURES_MAX):
        with pytest.raises(ModelUnavailable):
            async with breaker.asking(service):
                raise ModelUnavailable("Away.", service="work")

    detailed = (await client.get("/api/v1/system/health")).json()
    public = (await stranger.get("/health/ready")).json()

    (mine,) = [part for part in detailed["parts"] if part["name"] == "models"]
    (all_see,) = [part for part in public["parts"] if part["name"] == "models"]
    assert mine["status"] == "degraded"
    assert re.search(r"work has failed .* tried again in \d+ s\.", mine["message"])
    assert all_see == {"name": "models", "status": "ok"}
    well = PartHealth(name="models", status=Health.OK)
    whole = SystemHealth(status=Health.OK, parts=[well], checked_at=clock.now())
    assert (await check_for(actor, services, whole)).status is Health.DEGRADED


async def test_service_that_is_away_is_a_503_with_the_time_to_come_back(
    client: httpx.AsyncClient,
) -> None:
    body = {
        "type": "openai_compatible",
        "name": "away",
        "settings": {"base_url": f"http://127.0.0.1:{free_port()}/v1"},
    }
    made = (await client.post("/api/v1/providers", json=body)).json()
    answer = await client.get(f"/api/v1/providers/{made['id']}/models")

    assert answer.status_code == 503
    told = answer.json()
    assert told["error"] == "External service error"
    assert str(told["retry_after"]) == answer.headers["Retry-After"]
