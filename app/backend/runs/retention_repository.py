"""Queries of what is kept of runs, whoever owns them: which steps may go."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import literal_column
from sqlalchemy.orm import aliased
from sqlmodel import and_, col, delete, func, or_, select

from app.backend.core.db import Session
from app.backend.core.run_events import TERMINAL, RunStatus
from app.backend.runs.status import ACTIVE
from app.backend.runs.tables import CheckpointLinkRow, RunRow
from app.backend.threads.tables import ThreadRow

_Link = CheckpointLinkRow
_IDS_PER_QUERY = 500


async def find_gone(session: Session, *, limit: int | None = None) -> Sequence[UUID]:
    """Return runs that were deleted, or whose conversation was, and still have checkpoints."""
    is_run_gone = col(RunRow.id).is_(None)
    is_thread_gone = and_(
        col(_Link.thread_id).is_not(None),
        col(ThreadRow.id).is_(None),
        col(RunRow.status).in_(TERMINAL),
    )
    query = (
        select(_Link.run_id)  # lint-skip: repo-scope
        .join(RunRow, col(RunRow.id) == col(_Link.run_id), isouter=True)
        .join(ThreadRow, col(ThreadRow.id) == col(_Link.thread_id), isouter=True)
        .where(or_(is_run_gone, is_thread_gone), _is_unused())
        .distinct()
        .limit(limit)
    )
    return (await session.exec(query)).all()


async def find_stale(session: Session, before: datetime) -> Sequence[UUID]:
    """Return runs that ended before `before` and still have checkpoints."""
    kept = select(_Link.run_id).where(_is_unused())  # lint-skip: repo-scope
    query = select(RunRow.id).where(  # lint-skip: repo-scope
        col(RunRow.id).in_(kept),
        # Not "has one of the statuses of the end", which nearly all runs have and few of them checkpoints.
        col(RunRow.status).not_in(ACTIVE),
        col(RunRow.completed_at) < before,
    )
    return (await session.exec(query)).all()


async def find_surplus(session: Session, *, keep: int) -> Sequence[UUID]:
    """Return completed runs before the newest of a conversation that have `keep` steps together."""
    steps = (
        select(  # lint-skip: repo-scope
            col(_Link.run_id).label("run_id"),
            col(_Link.thread_id).label("thread_id"),
            func.count().label("number"),
        )
        .where(col(_Link.epoch) > 0, col(_Link.thread_id).is_not(None))
        .group_by(col(_Link.run_id), col(_Link.thread_id))
        .subquery()
    )
    # Ids of runs are sorted by time.
    up_to_here = func.sum(steps.c.number).over(
        partition_by=steps.c.thread_id, order_by=steps.c.run_id.desc()
    )
    ranked = select(
        steps.c.run_id, (up_to_here - steps.c.number).label("newer")
    ).subquery()
    query = (
        select(RunRow.id)  # lint-skip: repo-scope
        .join(ranked, ranked.c.run_id == col(RunRow.id))
        .join(_Link, col(_Link.run_id) == col(RunRow.id))
        .where(
            col(RunRow.status) == RunStatus.COMPLETED,
            ranked.c.newer >= keep,
            _is_unused(),
        )
        .distinct()
    )
    return (await session.exec(query)).all()


async def count_steps(session: Session, run_ids: Sequence[UUID]) -> int:
    """Return how many steps these runs have."""
    count = 0
    for start in range(0, len(run_ids), _IDS_PER_QUERY):
        query = select(
            func.count()
        ).where(  # lint-skip: repo-scope
            col(_Link.run_id).in_(run_ids[start : start + _IDS_PER_QUERY])
        )
        count += (await session.exec(query)).one()
    return count


async def list_saver_threads(session: Session, run_id: UUID) -> set[str]:
    """Return where the checkpoints of a run lie, without those of the run that it goes on from."""
    query = select(_Link.saver_thread).where(  # lint-skip: repo-scope
        col(_Link.run_id) == run_id, col(_Link.epoch) > 0
    )
    return set((await session.exec(query)).all())


async def delete_steps(session: Session, run_id: UUID) -> None:
    """Vouch for no checkpoint of a run any more."""
    await session.exec(
        delete(_Link).where(col(_Link.run_id) == run_id)  # lint-skip: repo-scope
    )


def _is_unused():  # noqa: ANN202 - SQLAlchemy's own type has no short name
    """Tell that no run which has yet to begin, or goes on, began with a checkpoint of this link."""
    other, user = aliased(_Link), aliased(RunRow)
    query = (
        select(other.run_id)  # lint-skip: repo-scope
        .join(user, col(user.id) == col(other.run_id))
        .where(
            # Written out: the index of the beginnings is found by it.
            col(other.epoch) == literal_column("0"),
            col(user.status).not_in(TERMINAL),
            col(other.saver_thread) == col(_Link.saver_thread),
        )
    )
    return ~query.exists()
