"""Counts what each person asks for, and refuses what is more than their tier allows in a minute."""

import asyncio
import math
from enum import StrEnum
from typing import Any
from uuid import UUID

import structlog
from cachetools import TTLCache
from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.db import Database
from app.backend.core.redis import ANSWER_SECONDS
from app.backend.identity import tiers
from app.backend.identity.errors import TooManyRequests

logger = structlog.get_logger(__name__)

KNOWN_SECONDS = 5
_PEOPLE_MAX = 10_000
_PREFIX = "app:identity:requests"
# Who does not answer is not asked again at once: each request would wait for it.
_AWAY_SECONDS = 5.0


class Window(StrEnum):
    """What is counted apart, so that a program that asks too often does not close the pages to its person."""

    PROGRAMS = "programs"
    PAGES = "pages"


class RequestLimits:
    """Counts in Redis, for all processes together; while Redis is away nothing is counted, and nothing refused."""

    def __init__(self, db: Database, redis: Redis) -> None:
        pool: Any = {"connection_pool": redis.connection_pool}
        # The pool says where Redis is; the address only names the kind.
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=_PREFIX,
            **pool,
        )
        self._limiter = MovingWindowRateLimiter(storage)
        self._db = db
        self._known: TTLCache[UUID, int | None] = TTLCache(_PEOPLE_MAX, KNOWN_SECONDS)
        self._away_until: float | None = None

    async def count(self, actor: Actor, window: Window) -> None:
        """Count one request or action of a person.

        Raises:
            TooManyRequests: there were as many in the last 60 seconds as their tier allows.
        """
        # Who reads what somebody has uses up nothing of theirs.
        whose = actor.reader_id or actor.user_id
        most = await self._most_of(whose)
        if most is None or self._is_away():
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                seconds = await self._hit(most, window, str(whose))
        except (RedisError, TimeoutError, OSError) as error:
            self._note_away(error)
            return
        self._note_back()
        if seconds is not None:
            raise TooManyRequests(most, seconds)

    async def used(self, user_id: UUID, window: Window) -> int | None:
        """Return how many there were in the last 60 seconds; None where nothing is counted."""
        most = await self._most_of(user_id)
        if most is None or self._is_away():
            return None
        item = RateLimitItemPerMinute(most)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await self._limiter.get_window_stats(item, window, str(user_id))
        except (RedisError, TimeoutError, OSError) as error:
            self._note_away(error)
            return None
        return most - found.remaining

    async def _hit(self, most: int, window: Window, who: str) -> int | None:
        """Count one more, or return in how many seconds there is room for it."""
        item = RateLimitItemPerMinute(most)
        if await self._limiter.hit(item, window, who):
            return None
        found = await self._limiter.get_window_stats(item, window, who)
        return max(1, math.ceil(found.reset_time - clock.now().timestamp()))

    async def _most_of(self, user_id: UUID) -> int | None:
        try:
            return self._known[user_id]
        except KeyError:
            async with self._db.read() as session:
                limits = await tiers.limits_of(session, user_id)
            self._known[user_id] = limits.requests_per_minute
            return limits.requests_per_minute

    def _is_away(self) -> bool:
        until = self._away_until
        return until is not None and clock.monotonic() < until

    def _note_away(self, error: Exception) -> None:
        if self._away_until is None:
            logger.warning("requests_not_counted", error=repr(error))
        self._away_until = clock.monotonic() + _AWAY_SECONDS

    def _note_back(self) -> None:
        if self._away_until is not None:
            logger.info("requests_counted_again")
            self._away_until = None
