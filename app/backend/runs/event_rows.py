"""Inserts events past the ORM and the parameters of SQLAlchemy, which cost more than the insert itself."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect
from sqlmodel import insert

from app.backend.core.db import Session
from app.backend.core.run_events import RunEvent
from app.backend.runs.tables import RunEventRow

_TABLE: Any = getattr(RunEventRow, "__table__")  # noqa: B009 - SQLModel does not declare it
_NAMES = ("run_id", "seq", "owner_id", "ts", "type", "level", "payload")


class _Insert:
    """The statement of one database, and how each column's values are bound there."""

    def __init__(self, dialect: Dialect) -> None:
        statement = insert(_TABLE).compile(dialect=dialect, column_keys=_NAMES)
        self.text = str(statement)
        self._is_positional = dialect.positional
        self._binders = {
            column.name: column.type.dialect_impl(dialect).bind_processor(dialect)
            or _as_it_is
            for column in _TABLE.columns
        }

    def bind(
        self, owner_id: UUID, events: Sequence[RunEvent], levels: Sequence[str]
    ) -> Sequence[Any]:
        """Return the parameters of each row."""
        bind = self._binders
        run, owner = bind["run_id"](events[0].run_id), bind["owner_id"](owner_id)
        ts, payload = bind["ts"], bind["payload"]
        rows = [
            (
                run,
                event.seq,
                owner,
                ts(event.ts),
                event.type,
                level,
                payload(event.payload),
            )
            for event, level in zip(events, levels, strict=True)
        ]
        if self._is_positional:
            return rows
        return [dict(zip(_NAMES, row, strict=True)) for row in rows]


@lru_cache(maxsize=8)
def _insert_for(dialect: Dialect) -> _Insert:
    return _Insert(dialect)


def _as_it_is(value: Any) -> Any:
    return value


async def insert_events(
    session: Session,
    owner_id: UUID,
    events: Sequence[RunEvent],
    levels: Sequence[str],
) -> None:
    """Insert events of one run, and how much a reader should care about each."""
    connection = await session.connection()
    statement = _insert_for(connection.dialect)
    await connection.exec_driver_sql(
        statement.text, statement.bind(owner_id, events, levels)
    )
