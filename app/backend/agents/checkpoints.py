"""Where graphs keep their checkpoints while a run goes on: a file or tables of their own, never ours."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg.errors import UndefinedTable, UniqueViolation

from app.backend.core.settings import Settings

Saver = BaseCheckpointSaver[str]
_BUSY_SECONDS = 30


class Checkpoints:
    """Opens the saver that the settings ask for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Saver, None]:
        """Open the saver; it makes its tables at first use."""
        # Nothing but plain values is stored, and nothing else is ever revived from what is stored.
        serde = JsonPlusSerializer(allowed_msgpack_modules=None)
        if self._settings.checkpointer == "memory":
            yield InMemorySaver(serde=serde)
        elif self._settings.database_url:
            async with AsyncPostgresSaver.from_conn_string(
                self._settings.database_url, serde=serde
            ) as saver:
                await _set_up(saver)
                yield saver
        else:
            path = self._settings.data_dir / "checkpoints.db"
            async with aiosqlite.connect(path, timeout=_BUSY_SECONDS) as connection:
                saver = AsyncSqliteSaver(connection, serde=serde)
                await saver.setup()
                yield saver


def checkpoint_thread(run_id: UUID, attempt: int) -> str:
    """Return the thread id of one attempt: a later one begins afresh."""
    return f"{run_id}:{attempt}"


async def _set_up(saver: AsyncPostgresSaver) -> None:
    try:
        await saver.aget_tuple({"configurable": {"thread_id": "", "checkpoint_ns": ""}})
    except UndefinedTable:
        try:
            await saver.setup()
        except UniqueViolation:
            # Another process made the tables at the same moment.
            await saver.setup()
