"""Where graphs keep their checkpoints: a file, tables or keys of their own, never ours."""

import asyncio
import sqlite3
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, cast

import aiosqlite
import psycopg
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg import AsyncConnection
from psycopg.errors import UndefinedTable, UniqueViolation
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool
from redis import exceptions as redis_errors

from app.backend.agents.memory_saver import MemorySaver
from app.backend.agents.redis_saver import RedisSaver
from app.backend.agents.serializer import PlainSerializer
from app.backend.core import redis as redis_client
from app.backend.core.settings import Settings

Saver = BaseCheckpointSaver[str]
# What a store that is away raises; anything else is a mistake of ours.
STORE_AWAY = (
    OSError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlite3.OperationalError,
    redis_errors.ConnectionError,
    redis_errors.TimeoutError,
    redis_errors.OutOfMemoryError,
    redis_errors.ReadOnlyError,
)
_BUSY_SECONDS = 30
_CONNECTIONS_MAX = 4
# A run waits so long for a store that is away, then goes on without it.
_CONNECT_SECONDS = 2.0


class Checkpoints:
    """Opens the saver that the settings ask for, once, and keeps it for all runs of this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._saver: Saver | None = None

    async def open(self) -> Saver:
        """Return the saver; at first use it makes its tables.

        Raises what STORE_AWAY names when the store does not answer.
        """
        async with self._opening:
            if self._saver is None:
                self._saver = await self._open()
        return self._saver

    def make_substitute(self) -> Saver:
        """Return a saver for one run that must do without the store."""
        return MemorySaver(serde=PlainSerializer(), kept=self._kept)

    async def forget(self, saver_threads: Iterable[str]) -> None:
        """Delete all checkpoints of these threads."""
        saver = await self.open()
        for thread in saver_threads:
            await saver.adelete_thread(thread)

    async def close(self) -> None:
        """Close the saver's connections."""
        await self._opened.aclose()
        self._saver = None

    @property
    def _kept(self) -> timedelta:
        return timedelta(days=self._settings.checkpoint_days)

    async def _open(self) -> Saver:
        settings = self._settings
        async with AsyncExitStack() as opened:
            match settings.checkpointer:
                case "memory":
                    saver = self.make_substitute()
                case "redis":
                    saver = await _open_redis(settings, opened)
                case "database" if settings.database_url:
                    saver = await _open_postgres(settings.database_url, opened)
                case "database":
                    saver = await _open_sqlite(settings, opened)
            self._opened = opened.pop_all()  # what failed half-way is closed
        return saver


async def _open_redis(settings: Settings, opened: AsyncExitStack) -> Saver:
    redis = redis_client.connect_raw(
        settings.redis_url, database=settings.checkpoint_redis_database
    )
    opened.push_async_callback(redis.aclose)
    await cast("Any", redis.ping())  # a client for asyncio returns something to await
    return RedisSaver(redis, serde=PlainSerializer())


async def _open_sqlite(settings: Settings, opened: AsyncExitStack) -> Saver:
    path = settings.data_dir / "checkpoints.db"
    connection = await opened.enter_async_context(
        aiosqlite.connect(path, timeout=_BUSY_SECONDS)
    )
    # As our own rows: a power cut may cost the last steps, never the file.
    await connection.execute("PRAGMA synchronous=NORMAL")
    saver = AsyncSqliteSaver(connection, serde=PlainSerializer())
    await saver.setup()
    return saver


async def _open_postgres(url: str, opened: AsyncExitStack) -> Saver:
    pool = await opened.enter_async_context(_make_pool(url))
    saver = AsyncPostgresSaver(pool, serde=PlainSerializer())
    try:
        await saver.aget_tuple({"configurable": {"thread_id": "", "checkpoint_ns": ""}})
    except UndefinedTable:
        try:
            await saver.setup()
        except UniqueViolation:
            # Another process made the tables at the same moment.
            await saver.setup()
    return saver


def _make_pool(url: str) -> AsyncConnectionPool[AsyncConnection[DictRow]]:
    # As the saver's own `from_conn_string` connects; a connection that was lost meanwhile is replaced.
    return AsyncConnectionPool(
        url,
        connection_class=AsyncConnection[DictRow],
        min_size=1,
        max_size=_CONNECTIONS_MAX,
        timeout=_CONNECT_SECONDS,
        open=False,
        check=AsyncConnectionPool.check_connection,  # pyright: ignore[reportArgumentType] - it takes any row type
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
    )
