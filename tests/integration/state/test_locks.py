"""Locks of Reflex's own store in Redis: whoever is cancelled while they take one leaves none behind."""

import asyncio
from typing import Any

import pytest
from reflex.istate.manager.redis import StateManagerRedis

from app.backend.core.redis import connect_raw
from app.backend.core.settings import Settings
from app.state import locks

KEY = b"some-tab_lock"


async def test_who_is_cancelled_while_redis_gives_the_lock_gives_it_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis = connect_raw(settings.redis_url, database=0)
    manager = StateManagerRedis(redis=redis)
    given = asyncio.Event()
    ask = redis.set

    async def answer_late(*args: Any, **options: Any) -> object:
        answer = await ask(*args, **options)
        given.set()
        await asyncio.sleep(0.05)
        return answer

    monkeypatch.setattr(redis, "set", answer_late)
    locks.give_back_when_cancelled(manager)
    taking = asyncio.create_task(manager._try_get_lock(KEY, b"cancelled"))  # pyright: ignore[reportPrivateUsage]
    await given.wait()
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking

    assert await manager._try_get_lock(KEY, b"next")  # pyright: ignore[reportPrivateUsage]
    assert await redis.get(KEY) == b"next"
    await redis.delete(KEY)
    await manager.close()
