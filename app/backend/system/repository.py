"""Queries of the administrator's page: it sees of every run that it is there, and nothing of what is in it."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import col, exists, func, select

from app.backend.core.db import Session
from app.backend.core.run_events import RunStatus
from app.backend.identity.tables import UserRow
from app.backend.runs.errors import WORKER_LOST
from app.backend.runs.tables import RunRow

Found = Sequence[tuple[RunRow, str]]


async def find_running(session: Session, workers: Sequence[str]) -> Found:
    """Return the runs that processes work on now, with the addresses of their owners."""
    query = (
        select(RunRow, UserRow.email)  # lint-skip: repo-scope
        .join(UserRow, col(UserRow.id) == col(RunRow.owner_id))
        .where(col(RunRow.status) == RunStatus.RUNNING, col(RunRow.worker).in_(workers))
    )
    return (await session.exec(query)).all()


async def list_dead(session: Session, *, limit: int) -> Found:
    """Return the newest dead letters with the addresses of their owners."""
    query = (
        select(RunRow, UserRow.email)  # lint-skip: repo-scope
        .join(UserRow, col(UserRow.id) == col(RunRow.owner_id))
        .where(*_is_dead())
        .order_by(col(RunRow.id).desc())
        .limit(limit)
    )
    return (await session.exec(query)).all()


async def count_dead(session: Session) -> int:
    """Return how many dead letters there are."""
    query = select(func.count(col(RunRow.id))).where(
        *_is_dead()
    )  # lint-skip: repo-scope
    return (await session.exec(query)).one()


async def find_dead(session: Session, run_id: UUID) -> RunRow | None:
    """Return a dead letter."""
    query = select(RunRow).where(
        col(RunRow.id) == run_id, *_is_dead()
    )  # lint-skip: repo-scope
    return (await session.exec(query)).first()


def _is_dead() -> tuple[ColumnElement[bool], ...]:
    again = aliased(RunRow)
    return (
        col(RunRow.error_code) == WORKER_LOST,
        col(RunRow.status) == RunStatus.FAILED,
        ~exists().where(col(again.origin_id) == col(RunRow.id)),
    )
