"""Where graphs keep their checkpoints while a run goes on: a file or tables of their own, never ours."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg import AsyncConnection
from psycopg.errors import UndefinedTable, UniqueViolation
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from app.backend.core.settings import Settings

Saver = BaseCheckpointSaver[str]
_BUSY_SECONDS = 30
_CONNECTIONS_MAX = 4


class Checkpoints:
    """Opens the saver that the settings ask for, once, and keeps it for all runs of this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._saver: Saver | None = None

    async def open(self) -> Saver:
        """Return the saver; at first use it makes its tables."""
        async with self._opening:
            if self._saver is None:
                self._saver = await self._open()
        return self._saver

    async def forget(self, saver_threads: Iterable[str]) -> None:
        """Delete all checkpoints of these threads."""
        saver = await self.open()
        for thread in saver_threads:
            await saver.adelete_thread(thread)

    async def close(self) -> None:
        """Close the saver's connections."""
        await self._opened.aclose()
        self._saver = None

    async def _open(self) -> Saver:
        # Nothing but plain values is stored, and nothing else is ever revived from what is stored.
        serde = JsonPlusSerializer(allowed_msgpack_modules=None)
        if self._settings.checkpointer == "memory":
            return InMemorySaver(serde=serde)
        if self._settings.database_url:
            async with AsyncExitStack() as opened:
                pool = _make_pool(self._settings.database_url)
                saver = AsyncPostgresSaver(
                    await opened.enter_async_context(pool), serde=serde
                )
                await _set_up(saver)
                self._opened = opened.pop_all()  # what failed half-way is closed
            return saver
        path = self._settings.data_dir / "checkpoints.db"
        connection = await self._opened.enter_async_context(
            aiosqlite.connect(path, timeout=_BUSY_SECONDS)
        )
        # As our own rows: a power cut may cost the last steps, never the file.
        await connection.execute("PRAGMA synchronous=NORMAL")
        saver = AsyncSqliteSaver(connection, serde=serde)
        await saver.setup()
        return saver


def _make_pool(url: str) -> AsyncConnectionPool[AsyncConnection[DictRow]]:
    # As the saver's own `from_conn_string` connects; a connection that was lost meanwhile is replaced.
    return AsyncConnectionPool(
        url,
        connection_class=AsyncConnection[DictRow],
        min_size=1,
        max_size=_CONNECTIONS_MAX,
        open=False,
        check=AsyncConnectionPool.check_connection,  # pyright: ignore[reportArgumentType] - it takes any row type
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
    )


async def _set_up(saver: AsyncPostgresSaver) -> None:
    try:
        await saver.aget_tuple({"configurable": {"thread_id": "", "checkpoint_ns": ""}})
    except UndefinedTable:
        try:
            await saver.setup()
        except UniqueViolation:
            # Another process made the tables at the same moment.
            await saver.setup()
