"""The scheduler process: one is active, by a lock in Redis, and puts right what crashes left behind."""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError

from app.backend import bootstrap
from app.backend.agents import ready_made
from app.backend.bootstrap import Services
from app.backend.core import acting, clock, logging
from app.backend.core import redis as redis_names
from app.backend.core import settings as settings_module
from app.backend.core.db import AWAY
from app.backend.core.settings import Settings
from app.backend.identity import audit_chain, mail
from app.backend.identity.retention import purge_logins
from app.backend.knowledge.recovery import sweep_documents
from app.backend.runs.days import purge_days
from app.backend.runs.retention import Retention
from app.backend.runs.upkeep import OUTBOX_AGE, make_recovery
from app.backend.system.scheduling import ActiveScheduler, note_active

logger = structlog.get_logger(__name__)

TICK_SECONDS = 1.0
LOCK_SECONDS = 5.0
_MINUTE = 60.0
_HOUR = 3600.0


@dataclass
class Task:
    """Something to do again and again."""

    name: str
    every_seconds: float
    work: Callable[[], Awaitable[object]]
    due: float = 0.0


class Scheduler:
    """Holds the lock and does what is due while it has it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = Lock(
            services.redis,
            redis_names.lock("scheduler"),
            timeout=LOCK_SECONDS,
            thread_local=False,
        )
        recovery = make_recovery(services)
        retention = Retention(services.db, services.checkpoints, services.settings)
        self._active_since = clock.now()
        self._tasks = [
            Task("recover_lost_runs", TICK_SECONDS, recovery.recover_lost),
            Task("sweep_outbox", TICK_SECONDS, self._sweep_outbox),
            Task("queue_runs_again", 2 * TICK_SECONDS, recovery.queue_again),
            Task("release_held_runs", 2 * TICK_SECONDS, recovery.release_held),
            Task("wake_parents", 2 * TICK_SECONDS, recovery.wake_parents),
            Task("sweep_documents", 10 * TICK_SECONDS, self._sweep_documents),
            Task("sweep_manuals", 10 * TICK_SECONDS, self._sweep_manuals),
            Task("sweep_mail", 10 * TICK_SECONDS, self._sweep_mail),
            Task("install_ready_made", _MINUTE, self._install_ready_made),
            Task("purge_logins", _HOUR, self._purge_logins),
            Task("purge_days", _HOUR, self._purge_days),
            Task("chain_audit", TICK_SECONDS, self._chain_audit),
            Task("cut_audit", _HOUR, self._cut_audit),
            Task("forget_deleted_runs", 10 * TICK_SECONDS, retention.sweep_gone),
            Task("prune_checkpoints", _HOUR, retention.prune),
        ]

    async def run(self, shutdown: asyncio.Event) -> None:
        """Tick until `shutdown`; then let another scheduler take over at once."""
        while not shutdown.is_set():
            if await self._has_lock():
                await self._tick()
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await shutdown.wait()
            except TimeoutError:
                continue
        try:
            async with asyncio.timeout(redis_names.ANSWER_SECONDS):
                if await self._lock.owned():
                    await self._lock.release()
        except (LockError, RedisError, TimeoutError):
            logger.info("scheduler_lock_not_released")

    async def _has_lock(self) -> bool:
        try:
            async with asyncio.timeout(redis_names.ANSWER_SECONDS):
                return await self._keep_lock()
        except (LockError, RedisError, TimeoutError) as error:
            logger.warning("scheduler_without_lock", error=repr(error))
            return False

    async def _keep_lock(self) -> bool:
        if await self._lock.owned():
            has_lock = await self._lock.reacquire()
        else:
            has_lock = await self._lock.acquire(blocking=False)
            self._active_since = clock.now()
        if has_lock:
            holder = ActiveScheduler(
                host=socket.gethostname(), pid=os.getpid(), since=self._active_since
            )
            await note_active(self._services.redis, holder, seconds=LOCK_SECONDS)
        return has_lock

    async def _tick(self) -> None:
        for task in self._tasks:
            if clock.monotonic() < task.due:
                continue
            task.due = clock.monotonic() + task.every_seconds
            try:
                with acting.as_system():
                    await task.work()
            except (*AWAY, RedisError, OSError) as error:
                logger.warning("task_failed", task=task.name, error=repr(error))
            except Exception:
                logger.exception("task_failed", task=task.name)

    async def _sweep_outbox(self) -> int:
        return await self._services.outbox.sweep(older_than=OUTBOX_AGE)

    async def _sweep_documents(self) -> int:
        return await sweep_documents(self._services)

    async def _sweep_manuals(self) -> int:
        return await ready_made.sweep_manuals(self._services)

    async def _install_ready_made(self) -> None:
        await ready_made.install_missing(self._services)

    async def _chain_audit(self) -> int:
        return await audit_chain.chain_rows(self._services.db, self._services.keyring)

    async def _cut_audit(self) -> int:
        days = self._services.settings.audit_days
        if days is None:
            return 0
        parts = self._services
        return await audit_chain.cut(parts.db, parts.keyring, days=days)

    async def _sweep_mail(self) -> int:
        if not self._services.settings.has_mail:
            return 0
        async with self._services.db.transaction() as session:
            return await mail.sweep(session, outbox=self._services.outbox)

    async def _purge_logins(self) -> int:
        async with self._services.db.transaction() as session:
            return await purge_logins(session)

    async def _purge_days(self) -> int:
        async with self._services.db.transaction() as session:
            return await purge_days(session)


async def serve(settings: Settings) -> None:
    """Open the parts and schedule until told to stop."""
    shutdown = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, shutdown.set)
    async with bootstrap.build(settings) as services:
        await Scheduler(services).run(shutdown)


def main() -> None:
    """Schedule until told to stop."""
    settings = settings_module.load()
    logging.configure(settings, "scheduler")
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
