"""A circuit breaker for each service of models: one that keeps failing is left alone for a while, then tried once.

All processes share it through Redis; without Redis nothing is held back. Source: M. Nygard, Release It!, 2007.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backend.core import redis as names
from app.backend.providers.errors import ModelUnavailable, RuntimeLost

logger = structlog.get_logger(__name__)

FAILURES_MAX = 5
WINDOW_SECONDS = 60
PAUSE_SECONDS = 30
# A service that nobody asked meanwhile is taken for whole again.
MEMORY_SECONDS = 600
REDIS_SECONDS = 0.5


class ServicePaused(ModelUnavailable):
    """The service failed so often that it is not asked for now."""


class Breaker:
    """Lets questions through to services that answer, and holds back those to one that does not."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @asynccontextmanager
    async def asking(self, service: str) -> AsyncGenerator[None, None]:
        """Hold while the service is asked: that it does not answer is remembered, that it does is too.

        Raises:
            ServicePaused: it has failed too often, and is tried again later.
        """
        await self._check(service)
        try:
            yield
        except RuntimeLost:
            raise
        except ModelUnavailable:
            await self._note_failure(service)
            raise
        else:
            await self._note_answer(service)

    async def _check(self, service: str) -> None:
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                pause = await self._pause(service)
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("breaker_not_read", service=service, error=repr(error))
            return
        if pause > 0:
            message = f"The service of {service!r} has failed again and again, so it is left alone for {pause} s. Check that it runs, then press Retry."
            raise ServicePaused(message, service=service, retry_after=pause)

    async def _pause(self, service: str) -> int:
        """Return for how many seconds the service is left alone; after a pause one question goes through."""
        paused, broken = _paused(service), names.provider(service, "broken")
        if not await self._redis.exists(broken):
            return 0
        # Who gets the key asks; the others wait for what comes of it.
        is_first = await self._redis.set(paused, 1, ex=PAUSE_SECONDS, nx=True)
        return 0 if is_first else max(1, await self._redis.ttl(paused))

    async def _note_failure(self, service: str) -> None:
        failures = names.provider(service, "failures")
        broken = names.provider(service, "broken")
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
                await pipe.execute()
                logger.warning("service_paused", service=service, failures=count)
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("breaker_not_told", service=service, error=repr(error))

    async def _note_answer(self, service: str) -> None:
        kinds = ("failures", "broken", "paused")
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                await self._redis.delete(*(names.provider(service, k) for k in kinds))
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("breaker_not_told", service=service, error=repr(error))


def _paused(service: str) -> str:
    return names.provider(service, "paused")
