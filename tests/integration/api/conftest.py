"""The API as browsers and programs reach it, on the parts of one test."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect

from app.backend.api import password_login, sse
from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.crypto import hash_token
from app.backend.identity import cookies, keys
from app.backend.identity import service as identity
from app.backend.identity.tables import SessionRow
from tests.api import make_api
from tests.asgi import served as served_app

ADDRESS = "http://127.0.0.1:8000"
SESSION_TOKEN = "a-session-of-the-tests"
ClientOf = Callable[[Actor], Awaitable[httpx.AsyncClient]]
OpenSocket = Callable[..., Awaitable[ClientConnection]]


@pytest.fixture(autouse=True)
def wrong_login_is_answered_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that try many wrong passwords need not wait for each."""
    monkeypatch.setattr(password_login, "WRONG_SECONDS", 0.05)


@pytest.fixture
def logins_are_checked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests in which a login ends need not wait for the next look at it."""
    # An open connection ends within five seconds after its login.
    assert sse.CHECK_SECONDS <= 4
    monkeypatch.setattr(sse, "CHECK_SECONDS", 0.5)


@pytest.fixture
def app(services: Services) -> FastAPI:
    """The API of the installation."""
    api = make_api(services.settings)
    api.state.services = services
    return api


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client that nobody knows."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        yield client


@pytest.fixture
async def link(services: Services) -> str:
    """The token of the one-time link."""
    async with services.db.transaction() as session:
        return await identity.make_owner_link(session)


@pytest.fixture
async def client_of(app: FastAPI, services: Services) -> AsyncGenerator[ClientOf, None]:
    """`await client_of(actor)` is a client with a fresh API key of that user."""
    opened: list[httpx.AsyncClient] = []

    async def make(actor: Actor) -> httpx.AsyncClient:
        async with services.db.transaction() as session:
            new = await keys.create_key(session, actor, name="tests")
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url=ADDRESS,
            headers={"Authorization": f"Bearer {new.key}"},
        )
        opened.append(client)
        return client

    yield make
    for client in opened:
        await client.aclose()


@pytest.fixture
async def client(client_of: ClientOf, actor: Actor) -> httpx.AsyncClient:
    """A client with an API key of the owner."""
    return await client_of(actor)


@pytest.fixture
async def cookie(services: Services, actor: Actor) -> dict[str, str]:
    """The cookie header of the owner's login."""
    row = SessionRow(
        owner_id=actor.user_id,
        token_hash=hash_token(SESSION_TOKEN),
        expires_at=clock.now() + timedelta(days=1),
    )
    async with services.db.transaction() as session:
        session.add(row)
    return {"Cookie": f"{cookies.cookie_name(services.keyring)}={SESSION_TOKEN}"}


@pytest.fixture
async def signed_in(
    stranger: httpx.AsyncClient, cookie: dict[str, str]
) -> httpx.AsyncClient:
    """A client that behaves as a page of the signed-in owner."""
    stranger.headers.update({**cookie, "Origin": ADDRESS})
    return stranger


@pytest.fixture
async def other_client(client_of: ClientOf, other_actor: Actor) -> httpx.AsyncClient:
    """A client with an API key of somebody else."""
    return await client_of(other_actor)


@pytest.fixture
async def served(app: FastAPI) -> AsyncGenerator[str, None]:
    """The address of the API on a real port, for what lasts: streams and websockets."""
    async with served_app(app) as address:
        yield address


@pytest.fixture
async def open_socket(
    served: str, client: httpx.AsyncClient
) -> AsyncGenerator[OpenSocket, None]:
    """`await open_socket("task", run_id)` connects as the owner, or with the headers that are given."""
    opened: list[ClientConnection] = []

    async def open_one(kind: str, subject: object, **headers: str) -> ClientConnection:
        sent = headers or {"Authorization": client.headers["Authorization"]}
        url = f"{served.replace('http', 'ws')}/ws/{kind}/{subject}/"
        socket = await connect(url, additional_headers=sent, proxy=None)
        opened.append(socket)
        return socket

    yield open_one
    for socket in opened:
        await socket.close()
