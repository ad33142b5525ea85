"""Every row of a database as JSON lines, the same for SQLite and PostgreSQL, and back again."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from sqlalchemy import Column, Connection, Table, Uuid, func, insert, select, text

from app.backend.core.db import Database, Session
from app.backend.core.rows import UtcDateTime
from app.backend.identity.tables import AuditAnchorRow
from app.backend.tables import metadata

_BATCH = 500
# Made of other rows as this database writes them; without it a search takes longer, and that is all.
_LEFT_OUT = frozenset({"run_sieve"})
_BIGGEST = 2**63 - 1


async def write_rows(db: Database, folder: Path) -> dict[str, int]:
    """Write one file per table, all of one moment; returns how many rows each has."""
    async with db.engine.connect() as connection:
        if not db.is_sqlite:
            await connection.execution_options(isolation_level="REPEATABLE READ")
        return await connection.run_sync(_write_tables, folder)


async def read_rows(session: Session, folder: Path) -> dict[str, int]:
    """Replace all rows by those in `folder`; returns how many each table has then."""
    connection = await session.connection()
    return await connection.run_sync(_read_tables, folder)


async def count_rows(db: Database) -> dict[str, int]:
    """Return how many rows each table has."""
    async with db.engine.connect() as connection:
        return await connection.run_sync(_count_tables)


def _write_tables(connection: Connection, folder: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    for table in _kept_tables():
        rows = connection.execution_options(yield_per=_BATCH).execute(select(table))
        with _file(folder, table, "w") as file:
            counts[table.name] = 0
            for row in rows.mappings():
                file.write(json.dumps(dict(row), default=_encode) + "\n")
                counts[table.name] += 1
    return counts


def _read_tables(connection: Connection, folder: Path) -> dict[str, int]:
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
    _allow_to_delete_audit(connection)
    for table in reversed(metadata.sorted_tables):
        connection.execute(table.delete())
    for table in _kept_tables():
        for batch in _batches(folder, table):
            connection.execute(insert(table), batch)
    return _count_tables(connection)


def _allow_to_delete_audit(connection: Connection) -> None:
    # The database refuses to delete what is chained, unless the anchor says that the chain begins later.
    anchor, audit = (metadata.tables[name] for name in ("audit_anchor", "audit"))
    connection.execute(anchor.delete())
    row = AuditAnchorRow(cut_number=_BIGGEST).model_dump()
    connection.execute(insert(anchor), row)
    connection.execute(audit.delete())


def _batches(folder: Path, table: Table) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    with _file(folder, table, "r") as file:
        for line in file:
            row = json.loads(line)
            batch.append(
                {name: _decode(table.c[name], value) for name, value in row.items()}
            )
            if len(batch) == _BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _count_tables(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar()
        or 0
        for table in _kept_tables()
    }


def _kept_tables() -> list[Table]:
    return [table for table in metadata.sorted_tables if table.name not in _LEFT_OUT]


def _file(folder: Path, table: Table, mode: str) -> IO[str]:
    return (folder / f"{table.name}.jsonl").open(mode, encoding="utf-8")


def _encode(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _decode(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat(value)
    return UUID(value) if isinstance(column.type, Uuid) else value
