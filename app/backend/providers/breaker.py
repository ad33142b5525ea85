"""A circuit breaker for each service of models and key: one that keeps failing is left alone for a while, then tried once.

It also keeps repeated questions few: they may be a fifth of all, and ten more, so that a service which is in trouble is
not asked twice as much. All processes share both through Redis; without Redis nothing is held back.
Sources: M. Nygard, Release It!, 2007; retry budgets: Finagle, `RetryBudget`, and gRPC proposal A6.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backend.core import clock
from app.backend.core import redis as names
from app.backend.providers.errors import ModelUnavailable, RuntimeLost

logger = structlog.get_logger(__name__)

FAILURES_MAX = 5
WINDOW_SECONDS = 60
PAUSE_SECONDS = 30
# A service that nobody asked meanwhile is taken for whole again.
MEMORY_SECONDS = 600
REDIS_SECONDS = 0.5
RETRIES_SHARE = 0.2
RETRIES_RESERVE = 10
_AWAY = (RedisError, OSError, TimeoutError)
_BROKEN = names.provider("all", "broken")
# KEYS: the credit. ARGV: the most, what this question adds, what it takes, seconds to remember.
_CREDIT = """
local credit = math.min(tonumber(redis.call('GET', KEYS[1]) or ARGV[1]) + ARGV[2], ARGV[1])
if credit < tonumber(ARGV[3]) then return 0 end
redis.call('SET', KEYS[1], tostring(credit - ARGV[3]), 'EX', ARGV[4])
return 1
"""


class ServicePaused(ModelUnavailable):
    """The service failed so often that it is not asked for now."""


@dataclass(frozen=True)
class BrokenService:
    """A service that is left alone, and in how many seconds one question may try it; 0 is with the next one."""

    service: str
    seconds: int


class Breaker:
    """Lets questions through to services that answer, and holds back those to one that does not."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @asynccontextmanager
    async def asking(
        self, service: str, *, label: str = ""
    ) -> AsyncGenerator[None, None]:
        """Hold while the service is asked once: that it does not answer is remembered, that it does is too.

        `label` is what people call it.

        Raises:
            ServicePaused: it has failed too often, and is tried again later.
        """
        await self._check(service, label or service)
        try:
            yield
        except RuntimeLost:
            raise
        except ModelUnavailable:
            await self._note_failure(service)
            raise
        else:
            await self._note_answer(service)

    async def may_ask_again(self, service: str) -> bool:
        """Take leave to repeat a question that failed; there is none when too many were repeated of late."""
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                # What it adds when it is asked is taken too: only first questions earn repeated ones.
                takes = 1 + RETRIES_SHARE
                return bool(await self._credit(self._redis, service, takes=takes))
        except _AWAY as error:
            logger.warning("breaker_not_read", service=service, error=repr(error))
            return True

    async def list_broken(self) -> list[BrokenService]:
        """Return the services that are left alone, or wait for the one question that tries them.

        Raises:
            RedisError: Redis does not answer.
        """
        now = clock.now().timestamp()
        await self._redis.zremrangebyscore(_BROKEN, 0, now)
        services: list[str] = await self._redis.zrange(_BROKEN, 0, -1)
        left = [await self._redis.ttl(_paused(service)) for service in services]
        return [
            BrokenService(service, max(0, seconds))
            for service, seconds in zip(services, left, strict=True)
        ]

    async def _check(self, service: str, label: str) -> None:
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                pause = await self._pause(service)
        except _AWAY as error:
            logger.warning("breaker_not_read", service=service, error=repr(error))
            return
        if pause > 0:
            message = f"The service of {label!r} has failed again and again, so it is left alone for {pause} s. Check that it runs, then press Retry."
            raise ServicePaused(message, service=label, retry_after=pause)

    async def _pause(self, service: str) -> int:
        """Return for how many seconds the service is left alone; after a pause one question goes through."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.exists(names.provider(service, "broken"))
            await self._credit(pipe, service, adds=RETRIES_SHARE)
            is_broken, _ = await pipe.execute()
        if not is_broken:
            return 0
        # Who gets the key asks; the others wait for what comes of it.
        paused = _paused(service)
        is_first = await self._redis.set(paused, 1, ex=PAUSE_SECONDS, nx=True)
        return 0 if is_first else max(1, await self._redis.ttl(paused))

    async def _note_failure(self, service: str) -> None:
        failures = names.provider(service, "failures")
        broken = names.provider(service, "broken")
        until = clock.now().timestamp() + MEMORY_SECONDS
        try:
            async with (
                asyncio.timeout(REDIS_SECONDS),
                self._redis.pipeline(transaction=True) as pipe,
            ):
                pipe.incr(failures)
                pipe.expire(failures, WINDOW_SECONDS, nx=True)
                pipe.exists(broken)
                count, _, was_broken = await pipe.execute()
                if count < FAILURES_MAX and not was_broken:
                    return
                pipe.set(broken, 1, ex=MEMORY_SECONDS)
                pipe.set(_paused(service), 1, ex=PAUSE_SECONDS)
                pipe.zadd(_BROKEN, {service: until})
                await pipe.execute()
                logger.warning("service_paused", service=service, failures=count)
        except _AWAY as error:
            logger.warning("breaker_not_told", service=service, error=repr(error))

    async def _note_answer(self, service: str) -> None:
        kinds = ("failures", "broken", "paused")
        try:
            async with (
                asyncio.timeout(REDIS_SECONDS),
                self._redis.pipeline(transaction=True) as pipe,
            ):
                pipe.delete(*(names.provider(service, kind) for kind in kinds))
                pipe.zrem(_BROKEN, service)
                await pipe.execute()
        except _AWAY as error:
            logger.warning("breaker_not_told", service=service, error=repr(error))

    async def _credit(
        self, redis: Any, service: str, *, adds: float = 0, takes: float = 0
    ) -> Any:
        key = names.provider(service, "retries")
        given = (RETRIES_RESERVE, adds, takes, MEMORY_SECONDS)
        return await cast("Awaitable[Any]", redis.eval(_CREDIT, 1, key, *given))


def _paused(service: str) -> str:
    return names.provider(service, "paused")
