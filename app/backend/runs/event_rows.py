"""Writes events past the ORM and the parameters of SQLAlchemy, which cost more than the writing itself."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Dialect, bindparam
from sqlmodel import insert, select, update

from app.backend.core.run_events import RunStatus
from app.backend.core.stored_events import RunEvent
from app.backend.runs.tables import RunEventRow, RunRow

_TABLE: Any = getattr(RunEventRow, "__table__")  # noqa: B009 - SQLModel does not declare it
_RUN: Any = getattr(RunRow, "__table__")  # noqa: B009
# Made once, as the insert is: a writer asks for it twenty times a second.
_ADVANCE = (
    update(_RUN)
    .where(
        _RUN.c.id == bindparam("run"),
        _RUN.c.epoch == bindparam("held"),
        _RUN.c.status == RunStatus.RUNNING.value,
        _RUN.c.last_seq == bindparam("old"),
    )
    .values(last_seq=bindparam("new"))
)
_PLACE = select(_RUN.c.epoch, _RUN.c.last_seq, _RUN.c.status).where(
    _RUN.c.id == bindparam("run")
)
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
        owner, run = bind["owner_id"](owner_id), bind["run_id"]
        ts, payload = bind["ts"], bind["payload"]
        rows = [
            (
                run(event.run_id),
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


def insert_events(
    connection: Connection,
    owner_id: UUID,
    events: Sequence[RunEvent],
    levels: Sequence[str],
) -> None:
    """Insert events of runs of one user, and how much a reader should care about each."""
    statement = _insert_for(connection.dialect)
    connection.exec_driver_sql(statement.text, statement.bind(owner_id, events, levels))


def advance(
    connection: Connection, run_id: UUID, *, epoch: int, old: int, new: int
) -> bool:
    """Move the newest seq of a run that its owner of `epoch` works on; return whether it is still the owner's."""
    changed = connection.execute(
        _ADVANCE, {"run": run_id, "held": epoch, "old": old, "new": new}
    )
    return changed.rowcount == 1


def was_advanced(connection: Connection, run_id: UUID, *, epoch: int, new: int) -> bool:
    """Tell whether `advance` was done before: so it is after a commit whose answer was lost."""
    # As when PostgreSQL restarts at that moment.
    found = connection.execute(_PLACE, {"run": run_id}).first()
    return found is not None and tuple(found) == (epoch, new, RunStatus.RUNNING.value)
