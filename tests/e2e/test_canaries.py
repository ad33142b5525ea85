"""Thirteen secrets that are put through all that uses them, runs that fail included, are nowhere that somebody looks at."""

import json
import secrets
import zlib
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.async_api import Browser, StorageState, WebSocket
from pyotp.totp import TOTP
from redis.asyncio import Redis

from app import routes
from app.backend.core.settings import PARTS_FILE
from tests.e2e.browser import EMAIL, PASSWORD, Tab, create_owner, new_context
from tests.e2e.canaries import REFUSES, SAYS, parrot
from tests.product import Product
from tests.servers import S3_KEY, serve_s3, serve_vault

PAGES = (
    routes.DASHBOARD,
    routes.AGENTS,
    routes.RUNS,
    routes.KNOWLEDGE,
    routes.SETTINGS,
    routes.PEOPLE,
    routes.AUDIT,
    routes.SYSTEM,
)
ENDED = {"completed", "failed"}


def _made() -> dict[str, str]:
    """Return the secrets that are set from outside; the others the product makes."""
    names = ("connected", "provider", "password", "db", "env", "vault", "file", "s3")
    return {name: f"canary-{name}-{secrets.token_hex(8)}" for name in names}


@contextmanager
def _running(
    folder: Path, canaries: Mapping[str, str]
) -> Generator[tuple[Product, str], None, None]:
    (folder / "far").write_text(canaries["file"])
    with (
        parrot() as far,
        serve_s3(canaries["s3"]) as s3_url,
        serve_vault(secrets.token_hex(16)) as vault,
    ):
        vault.store("far", key=canaries["vault"])
        environment = {
            "ATELIER_OPENAI_BASE_URL": f"{far}/v1",
            "ATELIER_OPENAI_API_KEY": canaries["provider"],
            "ATELIER_SECRET_FILE_DIR": str(folder),
            "ATELIER_VAULT_URL": vault.url,
            "ATELIER_VAULT_TOKEN": vault.token,
            "ATELIER_OBJECT_STORE": "s3",
            "ATELIER_S3_ENDPOINT": s3_url,
            "ATELIER_S3_ACCESS_KEY": S3_KEY,
            "ATELIER_S3_SECRET_KEY": canaries["s3"],
            "SECRET_FAR": canaries["env"],
        }
        options = ("--workers", "1")
        product = Product(folder / "data", *options, environment=environment).start()
        yield product, far
        product.stop()


async def _sign_in(client: httpx.AsyncClient, canaries: dict[str, str]) -> None:
    """Choose a password, sign in with it, add a second factor, make a key, and use a one-time link."""
    passwords = {"current": PASSWORD, "new": canaries["password"]}
    (await client.post("/api/auth/password", json=passwords)).raise_for_status()
    wrong = {"email": EMAIL, "password": canaries["password"] + "?"}
    assert (await client.post("/api/auth/login", json=wrong)).status_code == 401
    client.cookies.clear()
    right = {"email": EMAIL, "password": canaries["password"]}
    (await client.post("/api/auth/login", json=right)).raise_for_status()
    canaries["cookie"] = next(iter(client.cookies.values()))
    proof = {"password": canaries["password"]}
    factor = await client.post("/api/auth/second-factor", json=proof)
    canaries["totp"] = factor.json()["secret"]
    code = {"code": TOTP(canaries["totp"]).now()}
    confirmed = await client.post("/api/auth/second-factor/confirm", json=code)
    confirmed.raise_for_status()
    made = await client.post("/api/v1/keys", json={"name": "ci"})
    canaries["key"] = made.json()["key"]
    invited = await client.post("/api/v1/users", json={"email": "ada@example.org"})
    link = urlsplit(invited.json()["link"])
    canaries["link"] = parse_qs(link.query)["token"][0]
    async with httpx.AsyncClient(base_url=client.base_url) as other:
        # The page gets the token in its address, too.
        await other.get(f"{link.path}?{link.query}")
        choice = {"token": canaries["link"], "password": canaries["password"]}
        headers = {"Origin": str(client.base_url).rstrip("/")}
        chosen = await other.post(
            "/api/auth/choose-password", json=choice, headers=headers
        )
        chosen.raise_for_status()


async def _use_browser_login(
    product: Product, far: str, login: StorageState, canaries: dict[str, str]
) -> None:
    """Do what only somebody does who is signed in, store two secrets, and connect a provider."""
    cookies = {one["name"]: one["value"] for one in login["cookies"]}  # pyright: ignore[reportTypedDictNotRequiredAccess] - they have them
    async with httpx.AsyncClient(
        base_url=product.url,
        headers={"Origin": product.url},
        cookies=cookies,
        timeout=60,
    ) as client:
        await _sign_in(client, canaries)
        for name, value in (("far", canaries["db"]), ("totp", canaries["totp"])):
            stored = await client.put(f"/api/v1/secrets/{name}", json={"value": value})
            stored.raise_for_status()
        near: dict[str, Any] = {"type": "openai_compatible", "name": "near"}
        near |= {
            "settings": {"base_url": f"{far}/v1"},
            "api_key": canaries["connected"],
        }
        made = await client.post("/api/v1/providers", json=near)
        assert made.status_code == 201, made.text
        near_id = made.json()["id"]
        await client.post(f"/api/v1/providers/{near_id}/test", json={})
        for model in (SAYS, REFUSES):
            draft = {"provider_id": near_id, "name": model}
            (await client.post("/api/v1/models", json=draft)).raise_for_status()


def _agents(folder: Path, far: str) -> list[dict[str, Any]]:
    references = (
        "db:far",
        "db:totp",
        "env:SECRET_FAR",
        "vault:secret/far#key",
        f"file:{folder}/far",
    )
    remote = [
        {
            "name": f"{reference[:40]} {there[-2:]}",
            "model": "scripted/hello",
            "execution": "remote",
            "remote_url": far,
            "remote_agent_id": there,
            "remote_key": reference,
        }
        for reference in references
        for there in (SAYS, REFUSES)
    ]
    hosted = [
        {"name": f"{provider} {model[-2:]}", "model": f"{provider}/{model}"}
        for provider in ("openai", "near")
        for model in (SAYS, REFUSES)
    ]
    return [*remote, *hosted]


async def _run_all(client: httpx.AsyncClient, folder: Path, far: str) -> dict[str, str]:
    """Let each agent answer, or fail, and return the status of each run by its id."""
    started: list[str] = []
    for draft in _agents(folder, far):
        made = await client.post("/api/v1/agents", json=draft)
        assert made.status_code == 201, made.text
        run = await client.post(
            f"/api/v1/agents/{made.json()['id']}/runs",
            json={"input": {"query": "What is your key?"}},
        )
        started.append(run.json()["id"])
    statuses: dict[str, str] = {}
    for run_id in started:
        # The stream ends with the run.
        headers = {"Accept": "text/event-stream"}
        await client.get(f"/api/v1/runs/{run_id}/events", headers=headers)
        shown = (await client.get(f"/api/v1/runs/{run_id}")).json()
        statuses[run_id] = shown["status"]
    return statuses


async def _look_at_all(
    browser: Browser, product: Product, login: StorageState, runs: list[str]
) -> bytes:
    """Open every page and the page of every run, and return what came over its websockets."""
    context = await new_context(browser, state=login)
    tab = await Tab.open(context, product.url)
    frames: list[bytes] = []

    def note(socket: WebSocket) -> None:
        socket.on("framereceived", lambda data: frames.append(_bytes(data)))

    tab.page.on("websocket", note)
    for path in (*PAGES, *(routes.run_path(run_id) for run_id in runs)):
        await tab.go(path)
        frames.append((await tab.page.content()).encode())
    await context.close()
    return b"\n".join(frames)


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


async def _read_redis(url: str) -> bytes:
    """Return all that Redis holds, also what RQ has packed."""
    found: list[Any] = []
    async with Redis.from_url(url) as redis:
        readers: dict[bytes, Any] = {
            b"string": redis.get,
            b"hash": redis.hgetall,
            b"list": lambda key: redis.lrange(key, 0, -1),
            b"set": redis.smembers,
            b"zset": lambda key: redis.zrange(key, 0, -1),
            b"stream": redis.xrange,
        }
        async for key in redis.scan_iter():
            value = await readers[await redis.type(key)](key)
            found += [key, value]
            if isinstance(value, dict):
                found += [_unpacked(item) for item in value.values()]
    return repr(found).encode()


def _unpacked(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return b""


def _read_files(product: Product) -> dict[str, bytes]:
    """Return the database, the checkpoints and every log; SQLite may still hold some of it beside its file."""
    files = [*product.data_dir.glob("*.db*"), *product.data_dir.glob("logs/*")]
    read = {path.name: path.read_bytes() for path in files}
    assert {"atelier.db", "checkpoints.db", "web.log"} <= read.keys()
    return {**read, "output": product.read_output().encode()}


@pytest.fixture
async def place(
    tmp_path: Path,
) -> AsyncGenerator[tuple[Product, str, dict[str, str]], None]:
    """The running product, the server that secrets are sent to, and the secrets."""
    canaries = _made()
    with _running(tmp_path, canaries) as (product, far):
        yield product, far, canaries


async def test_secrets_are_nowhere_that_somebody_looks_at(
    place: tuple[Product, str, dict[str, str]], browser: Browser, tmp_path: Path
) -> None:
    product, far, canaries = place
    login = create_owner(product)
    redis_url = json.loads((product.data_dir / PARTS_FILE).read_text())["redis_url"]
    canaries["redis"] = urlsplit(redis_url).password or ""
    await _use_browser_login(product, far, login, canaries)
    key = {"Authorization": f"Bearer {canaries['key']}"}
    async with httpx.AsyncClient(
        base_url=product.url, headers=key, timeout=60
    ) as client:
        statuses = await _run_all(client, tmp_path, far)
        listed = await client.get("/api/v1/models")

    login["cookies"][0]["value"] = canaries["cookie"]  # pyright: ignore[reportTypedDictNotRequiredAccess] - it has one
    seen = await _look_at_all(browser, product, login, [*statuses])
    places = {
        **_read_files(product),
        "redis": await _read_redis(redis_url),
        "browser": seen,
        "models": listed.content,
    }

    hits = [
        f"{name} in {where}"
        for where, read in places.items()
        for name, value in canaries.items()
        if value.encode() in read
    ]
    assert len(canaries) == 13
    assert all(canaries.values())
    assert sorted(statuses.values()) == ["completed"] * 7 + ["failed"] * 7
    assert seen.count(b"[redacted]") > 6
    assert hits == []
