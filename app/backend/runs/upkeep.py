"""What keeps runs going: done by the scheduler, and by every live process while none lives."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.backend.core import acting, clock
from app.backend.core import redis as redis_names
from app.backend.core.db import Database
from app.backend.core.outbox import Outbox
from app.backend.core.settings import Settings
from app.backend.runs.recovery import RunRecovery

logger = structlog.get_logger(__name__)

EVERY_SECONDS = 2.0
OUTBOX_AGE = timedelta(seconds=2)
_LOOK_MILLISECONDS = 1000


class UpkeepParts(Protocol):
    """What it works with; a process's Services has it all."""

    @property
    def settings(self) -> Settings:
        """Limits."""
        ...

    @property
    def db(self) -> Database:
        """Rows."""
        ...

    @property
    def redis(self) -> Redis:
        """Queues and locks."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Where runs are queued again."""
        ...


def make_recovery(parts: UpkeepParts) -> RunRecovery:
    """Return the recovery of runs on these parts."""
    return RunRecovery(
        parts.db,
        parts.redis,
        parts.outbox,
        parts.settings.run_attempts_max,
    )


@dataclass
class StandIn:
    """Stands in for the scheduler where runs would be lost without it; two that do so at once harm nobody."""

    parts: UpkeepParts
    _recovery: RunRecovery = field(init=False)
    _due: float = 0.0

    def __post_init__(self) -> None:
        self._recovery = make_recovery(self.parts)

    async def look(self) -> None:
        """Recover runs if no scheduler lives; does nothing when it was called a moment ago."""
        if clock.monotonic() < self._due:
            return
        self._due = clock.monotonic() + EVERY_SECONDS
        try:
            if await self._is_wanted():
                with acting.as_system():
                    await self._do_upkeep()
        except (SQLAlchemyError, RedisError, OSError) as error:
            logger.warning("stand_in_failed", error=repr(error))

    async def _do_upkeep(self) -> None:
        # Each listens by itself: who looks only now and then cannot tell silence from a pause of its own.
        await self._recovery.recover_lost()
        if await self._is_first():
            await self.parts.outbox.sweep(older_than=OUTBOX_AGE)
            await self._recovery.queue_again()
            await self._recovery.release_held()
            await self._recovery.wake_parents()

    async def _is_wanted(self) -> bool:
        try:
            async with asyncio.timeout(redis_names.ANSWER_SECONDS):
                lock = redis_names.lock("scheduler")
                return not await self.parts.redis.exists(lock)
        except (RedisError, OSError):
            # Without Redis no run could be queued again.
            return False

    async def _is_first(self) -> bool:
        # It only saves the others the same look.
        own = redis_names.lock("stand-in")
        async with asyncio.timeout(redis_names.ANSWER_SECONDS):
            return bool(
                await self.parts.redis.set(own, "1", nx=True, px=_LOOK_MILLISECONDS)
            )


@asynccontextmanager
async def standing_in(parts: UpkeepParts) -> AsyncGenerator[None, None]:
    """Look again and again for the time of the block."""
    task = asyncio.create_task(_look_on(StandIn(parts)), name="stand-in")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _look_on(stand_in: StandIn) -> None:
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            await stand_in.look()
        except Exception:
            logger.exception("stand_in_failed")
