"""What middlewares remember for all processes. Without Redis they remember nothing, and go on."""

import asyncio
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backend.core import clock
from app.backend.core import redis as names

_QUIET_SECONDS = 60
_AWAY = (RedisError, OSError, TimeoutError)
# The generic cell rate algorithm (ITU-T I.371): the key has when the place after the last taken one is free.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local calls, seconds = tonumber(ARGV[1]), tonumber(ARGV[2])
local free = math.max(tonumber(redis.call('GET', KEYS[1])) or now, now) + seconds / calls
if free - now > seconds + 0.000001 then return tostring(free - now - seconds) end
redis.call('SET', KEYS[1], string.format('%.6f', free), 'PX', math.ceil((free - now) * 1000) + 1)
return '0'
"""
logger = structlog.get_logger(__name__)


class Memory:
    """Values under names that end by themselves."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._quiet_until = 0.0

    async def get(self, *keys: str) -> list[str | None] | None:
        """Return the values of the keys; None when Redis is away."""
        try:
            async with asyncio.timeout(names.ANSWER_SECONDS):
                return await self._redis.mget(keys)
        except _AWAY as error:
            self._tell(error)
            return None

    async def keep(self, key: str, value: str, *, seconds: int) -> bool:
        """Keep a value for `seconds`, and tell whether that worked."""
        try:
            async with asyncio.timeout(names.ANSWER_SECONDS):
                await self._redis.set(key, value, ex=seconds)
        except _AWAY as error:
            self._tell(error)
            return False
        return True

    async def count(self, key: str, *, seconds: int) -> int | None:
        """Count one more under the key, which is forgotten `seconds` after its first; None when Redis is away."""
        try:
            async with asyncio.timeout(names.ANSWER_SECONDS):
                pipe = self._redis.pipeline(transaction=True)
                pipe.incr(key)
                pipe.expire(key, seconds, nx=True)
                counted, _ = await pipe.execute()
        except _AWAY as error:
            self._tell(error)
            return None
        return int(counted)

    async def take(self, key: str, *, calls: int, seconds: float) -> float | None:
        """Take one of `calls` within `seconds`: return 0, or how long to wait for the next; None when Redis is away."""
        try:
            async with asyncio.timeout(names.ANSWER_SECONDS):
                answer: Any = self._redis.eval(_TAKE, 1, key, str(calls), str(seconds))
                return float(await answer)
        except _AWAY as error:
            self._tell(error)
            return None

    async def raise_version(self, key: str) -> None:
        """Count up a version."""
        try:
            async with asyncio.timeout(names.ANSWER_SECONDS):
                await self._redis.incr(key)
        except _AWAY as error:
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        now = clock.monotonic()
        # Every call of every model comes here.
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET_SECONDS
            logger.warning("middleware_memory_away", reason=repr(error))
