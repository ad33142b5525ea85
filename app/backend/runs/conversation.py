"""What runs of one conversation do to each other: one at a time, and what comes meanwhile as the agent says.

All of it happens under the conversation's lock, so that two starts, or a start and an end, at the same moment see
each other. A run that is held has no job; it joins the line in the transaction that ends the one before it.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, or_, select

from app.backend.agents.schemas import Concurrency
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Conflict
from app.backend.core.outbox import Outbox
from app.backend.core.rows import visible_to
from app.backend.core.run_events import RunStatus
from app.backend.runs.line import job_of, read_load
from app.backend.runs.status import ACTIVE, change_status
from app.backend.runs.tables import RunRow
from app.backend.threads import service as threads

BUSY = "This conversation has a question that is being answered, and the agent takes one at a time. Wait for the answer, or stop it."


async def list_active(
    session: Session, actor: Actor, thread_id: UUID
) -> Sequence[RunRow]:
    """Return the runs of a conversation that have not ended, newest first."""
    query = (
        visible_to(actor, RunRow)
        .where(col(RunRow.thread_id) == thread_id, col(RunRow.status).in_(ACTIVE))
        .order_by(col(RunRow.id).desc())
    )
    return (await session.exec(query)).all()


def check_may_start(policy: Concurrency, active: Sequence[RunRow]) -> None:
    """Refuse a run that comes too early, if its agent does so.

    Raises:
        Conflict: another run of the conversation has not ended.
    """
    if active and policy is Concurrency.REJECT:
        raise Conflict(BUSY)


async def take_back(session: Session, actor: Actor, row: RunRow) -> None:
    """Take the question of a run out of its conversation; what it still says does not get in."""
    row.is_taken_back = True
    session.add(row)
    await threads.remove_messages(session, actor, run_id=row.id)


async def release_next(
    session: Session, thread_id: UUID | None, outbox: Outbox
) -> UUID | None:
    """Let the oldest held run of a conversation join the line, if no other one goes on; returns which.

    The caller has the conversation's lock.
    """
    if thread_id is None:
        return None
    row = await _find_oldest_held(session, thread_id)
    if row is None or await _has_begun(session, thread_id):
        return None
    return await release(session, row, outbox)


async def release(session: Session, row: RunRow, outbox: Outbox) -> UUID | None:
    """Let a held run join the line: its question now follows what was said before it."""
    load = await read_load(session, row.owner_id)
    changed = await change_status(
        session,
        row.id,
        RunStatus.QUEUED,
        epoch=row.epoch,
        values={"turn": load.turn},
    )
    if changed is None:
        return None
    await threads.move_to_end(session, run_id=row.id)
    await outbox.add(session, job_of(changed[0]))
    return row.id


async def _find_oldest_held(session: Session, thread_id: UUID) -> RunRow | None:
    query = (
        select(RunRow)  # lint-skip: repo-scope - the engine knows the conversation
        .where(
            col(RunRow.thread_id) == thread_id,
            col(RunRow.status) == RunStatus.QUEUED,
            col(RunRow.turn).is_(None),
        )
        .order_by(col(RunRow.id))
        .limit(1)
    )
    return (await session.exec(query)).first()


async def _has_begun(session: Session, thread_id: UUID) -> bool:
    query = (
        select(RunRow.id)  # lint-skip: repo-scope - the engine knows the conversation
        .where(
            col(RunRow.thread_id) == thread_id,
            col(RunRow.status).in_(ACTIVE),
            or_(
                col(RunRow.turn).is_not(None),
                col(RunRow.status) != RunStatus.QUEUED,
            ),
        )
        .limit(1)
    )
    return (await session.exec(query)).first() is not None
