"""One runtime process with an installation of its own for these tests, and clients of it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator

import httpx
import pytest

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor, Role
from app.backend.core.settings import Settings
from app.backend.identity import keys
from tests.factories.rows import MakeUser
from tests.parts import free_port
from tests.processes import Fork, ForkServer
from tests.stack import Stack

SECONDS = 40
WaitForQueue = Callable[[int], Awaitable[None]]


@pytest.fixture(scope="package")
def settings(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Settings of the installation that the runtime belongs to."""
    with stack.make_installation(tmp_path_factory.mktemp("runtime")) as made:
        yield made.model_copy(update={"runtime_url": f"http://127.0.0.1:{free_port()}"})


@pytest.fixture(scope="package")
def own_runtime(settings: Settings, fork_server: ForkServer) -> Iterator[Fork]:
    """The runtime of that installation."""
    started = fork_server.start_runtime(settings)
    yield started
    started.stop()


@pytest.fixture
async def actor(make_user: MakeUser) -> Actor:
    """Somebody with an account; the installation outlives the test."""
    return await make_user(role=Role.ADMIN)


@pytest.fixture
async def other_actor(make_user: MakeUser) -> Actor:
    """Somebody else."""
    return await make_user()


@pytest.fixture
async def key(services: Services, actor: Actor) -> str:
    """An API key of the actor."""
    async with services.db.transaction() as session:
        return (await keys.create_key(session, actor, name="test")).key


@pytest.fixture
async def client(
    settings: Settings, own_runtime: Fork, key: str
) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client with the actor's key."""
    del own_runtime
    async with connect(settings, key) as made:
        yield made


@pytest.fixture
async def internal(
    settings: Settings, own_runtime: Fork, services: Services
) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client with the internal token."""
    del own_runtime
    async with connect(settings, services.keyring.token("runtime")) as made:
        yield made


@pytest.fixture
def wait_for_queue(settings: Settings) -> WaitForQueue:
    """`await wait_for_queue(0)` returns when so many questions wait or are answered."""

    async def wait(length: int) -> None:
        end = clock.monotonic() + 10
        async with httpx.AsyncClient(base_url=settings.runtime_address) as anyone:
            while (await anyone.get("/health")).json()["queue_length"] != length:
                assert clock.monotonic() < end, (
                    f"The queue has not got the length {length}."
                )
                await asyncio.sleep(0.02)

    return wait


def connect(settings: Settings, key: str) -> httpx.AsyncClient:
    """Return a client of the runtime."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(
        base_url=settings.runtime_address, headers=headers, timeout=SECONDS
    )
