"""What middlewares remember: in Redis, in the stand-in of unit tests, and without Redis."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from app.backend.core import redis as redis_client
from app.backend.middleware.memory import Memory
from tests.fakes.memory import FakeMemory


@pytest.fixture(params=["redis", "fake"])
async def memory(
    request: pytest.FixtureRequest, redis_url: str
) -> AsyncGenerator[Memory, None]:
    """The real one and its stand-in."""
    if request.param == "fake":
        yield FakeMemory()
        return
    client = redis_client.connect(redis_url)
    await client.flushdb()
    yield Memory(client)
    await client.aclose()


@pytest.fixture(params=["redis", "fake"])
async def away(request: pytest.FixtureRequest) -> AsyncGenerator[Memory, None]:
    """Both without Redis."""
    if request.param == "fake":
        yield FakeMemory(is_away=True)
        return
    client = redis_client.connect("redis://127.0.0.1:1/0")
    yield Memory(client)
    await client.aclose()


async def test_values_are_found_and_counted(memory: Memory) -> None:
    assert await memory.get("a", "b") == [None, None]
    assert await memory.keep("a", "x", seconds=60)
    assert await memory.get("a", "b") == ["x", None]
    assert [await memory.count("n", seconds=60) for _ in range(3)] == [1, 2, 3]
    await memory.raise_version("v")
    await memory.raise_version("v")
    assert await memory.get("v") == ["2"]


async def test_as_many_as_are_allowed_are_taken_and_the_next_waits(
    memory: Memory,
) -> None:
    taken = [await memory.take("k", calls=3, seconds=60) for _ in range(4)]

    assert taken[:3] == [0, 0, 0]
    assert taken[3] == pytest.approx(20, abs=5)
    assert await memory.take("other", calls=3, seconds=60) == 0


async def test_what_was_taken_is_free_again_after_its_time(memory: Memory) -> None:
    assert await memory.take("k", calls=1, seconds=0.05) == 0
    pause = await memory.take("k", calls=1, seconds=0.05)
    assert pause
    # The pause is what it promised, and no guess of this test.
    await asyncio.sleep(pause)
    assert await memory.take("k", calls=1, seconds=0.05) == 0


async def test_without_redis_nothing_is_remembered_and_nothing_fails(
    away: Memory,
) -> None:
    assert await away.get("a") is None
    assert not await away.keep("a", "x", seconds=60)
    assert await away.count("n", seconds=60) is None
    assert await away.take("k", calls=1, seconds=60) is None
    await away.raise_version("v")
