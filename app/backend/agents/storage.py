"""How much the savers hold, for the system page."""

from typing import Any, cast

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from pydantic import BaseModel, ConfigDict, Field

from app.backend.agents.checkpoints import Saver
from app.backend.agents.redis_saver import RedisSaver

_POSTGRES = """
    SELECT (SELECT count(*) FROM checkpoints) AS rows,
        pg_total_relation_size('checkpoints') + pg_total_relation_size('checkpoint_blobs')
        + pg_total_relation_size('checkpoint_writes') AS bytes
"""
_SQLITE = """
    SELECT (SELECT count(*) FROM checkpoints),
        (page_count - freelist_count) * page_size
    FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()
"""


class StorageUse(BaseModel):
    """What a store of checkpoints holds."""

    model_config = ConfigDict(frozen=True)

    store: str = Field(description="`sqlite`, `postgresql`, `redis` or `memory`.")
    rows: int = Field(description="Checkpoints.")
    bytes: int = Field(description="All that belongs to them.")


async def measure(saver: Saver) -> StorageUse:
    """Return how much `saver` holds.

    Raises what STORE_AWAY names when the store does not answer.
    """
    match saver:
        case RedisSaver():
            rows, size = await saver.measure()
            return StorageUse(store="redis", rows=rows, bytes=size)
        case AsyncSqliteSaver():
            async with saver.lock, saver.conn.execute(_SQLITE) as cursor:
                found = await cursor.fetchone()
            rows, size = cast("tuple[int, int]", found)
            return StorageUse(store="sqlite", rows=rows, bytes=size)
        case AsyncPostgresSaver():
            async with cast("Any", saver.conn).connection() as connection:
                cursor = await connection.execute(_POSTGRES)
                row = await cursor.fetchone()
            return StorageUse(store="postgresql", rows=row["rows"], bytes=row["bytes"])
        case InMemorySaver():
            rows, size = _measure_memory(saver)
            return StorageUse(store="memory", rows=rows, bytes=size)
        case _:
            message = f"{type(saver).__name__} is none of our savers."
            raise TypeError(message)


def _measure_memory(saver: InMemorySaver) -> tuple[int, int]:
    stored = [
        one
        for namespaces in saver.storage.values()
        for checkpoints in namespaces.values()
        for one in checkpoints.values()
    ]
    size = sum(
        len(checkpoint[1]) + len(metadata[1]) for checkpoint, metadata, _ in stored
    )
    size += sum(len(body) for _, body in saver.blobs.values())
    writes = [write for found in saver.writes.values() for write in found.values()]
    return len(stored), size + sum(len(body) for _, _, (_, body), _ in writes)
