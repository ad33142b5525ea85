"""How much is stored: estimates that cost little, however much there is."""

from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from app.backend.core import clock
from app.backend.core.db import Database, Session
from app.backend.core.settings import Settings
from app.backend.runs.tables import CheckpointLinkRow
from app.backend.system.schemas import StorageView, TableView

# Sizes of single tables mean reading every page of the file.
_PAGES_READ_MAX = 50_000
_STREAMS_COUNTED_MAX = 20_000
# Its rows are numbered by time; there is one for each run.
_NUMBERED_LIKE = {"run_text": "run"}
_POSTGRES = """
SELECT relname, greatest(reltuples, 0)::bigint, pg_total_relation_size(oid)
FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
"""
_LINKS = str(CheckpointLinkRow.__tablename__)
_CHECKPOINTS = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


async def measure(db: Database, redis: Redis, settings: Settings) -> StorageView:
    """Return what is stored by now; Redis may be away."""
    async with db.read() as session:
        if db.is_sqlite:
            tables, whole = await _read_sqlite(session)
            kept = _file_bytes(settings.data_dir / "checkpoints.db")
        else:
            tables, whole, kept = await _read_postgres(session)
    links = [table.rows for table in tables if table.name == _LINKS]
    try:
        streams, memory = await _count_streams(redis), await _memory(redis)
    except (RedisError, OSError):
        streams, memory = 0, 0
    return StorageView(
        tables=sorted(tables, key=lambda table: -(table.bytes or table.rows)),
        database_bytes=whole,
        # Elsewhere they are part of Redis, or of the memory of workers.
        checkpoints_bytes=kept if settings.checkpointer == "database" else None,
        checkpoints=sum(links),
        streams=streams,
        redis_bytes=memory,
        checked_at=clock.now(),
    )


async def _read_postgres(session: Session) -> tuple[list[TableView], int, int]:
    # Figures of the last ANALYZE, which PostgreSQL does by itself: a count would read every row.
    connection = await session.connection()
    found = (await connection.execute(text(_POSTGRES))).all()
    sizes = {str(name): (int(rows), int(size)) for name, rows, size in found}
    whole = await connection.scalar(text("SELECT pg_database_size(current_database())"))
    tables = [
        TableView(name=name, rows=sizes[name][0], bytes=sizes[name][1])
        for name in _names()
        if name in sizes
    ]
    kept = sum(sizes[name][1] for name in _CHECKPOINTS if name in sizes)
    return tables, int(whole or 0), kept


async def _read_sqlite(session: Session) -> tuple[list[TableView], int]:
    connection = await session.connection()
    pages = int(await connection.scalar(text("PRAGMA page_count")) or 0)
    size = int(await connection.scalar(text("PRAGMA page_size")) or 0)
    sizes = await _sizes_in_sqlite(session) if pages <= _PAGES_READ_MAX else {}
    tables: list[TableView] = []
    for name in _names():
        # From the oldest row's number to the newest's: a count would read every row, and gaps between hardly matter.
        numbered = _NUMBERED_LIKE.get(name, name)
        query = f'SELECT (SELECT max(rowid) FROM "{numbered}") - (SELECT min(rowid) FROM "{numbered}") + 1'  # noqa: S608 - a name of our own
        rows = int(await connection.scalar(text(query)) or 0)
        tables.append(TableView(name=name, rows=rows, bytes=sizes.get(name)))
    return tables, pages * size


async def _sizes_in_sqlite(session: Session) -> dict[str, int]:
    connection = await session.connection()
    query = "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m ON m.name = s.name WHERE s.aggregate = TRUE GROUP BY m.tbl_name"
    try:
        found = (await connection.execute(text(query))).all()
    except DBAPIError:
        # A SQLite that was built without it.
        return {}
    return {str(name): int(size) for name, size in found}


def _names() -> list[str]:
    return sorted(SQLModel.metadata.tables)


def _file_bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


async def _count_streams(redis: Redis) -> int:
    count = 0
    async for _ in redis.scan_iter("app:runs:*:events", count=1000):
        count += 1
        if count >= _STREAMS_COUNTED_MAX:
            break
    return count


async def _memory(redis: Redis) -> int:
    return int((await redis.info("memory"))["used_memory"])
