"""Queries of conversations."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.threads.tables import MessageRow, ThreadRow


async def find_thread(
    session: Session, actor: Actor, thread_id: UUID, *, is_locked: bool = False
) -> ThreadRow | None:
    """Return the thread, if it is the actor's; `is_locked` keeps other writers out until the commit."""
    query = visible_to(actor, ThreadRow).where(col(ThreadRow.id) == thread_id)
    if is_locked:
        query = query.with_for_update()
    return (await session.exec(query)).first()


async def list_threads(
    session: Session,
    actor: Actor,
    *,
    agent_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> Sequence[ThreadRow]:
    """Return a page of threads, newest first."""
    query = visible_to(actor, ThreadRow)
    if agent_id is not None:
        query = query.where(col(ThreadRow.agent_id) == agent_id)
    if after is not None:
        query = query.where(col(ThreadRow.id) < after)
    query = query.order_by(col(ThreadRow.id).desc()).limit(limit)
    return (await session.exec(query)).all()


async def list_messages(
    session: Session,
    actor: Actor,
    thread_id: UUID,
    *,
    before: int | None,
    limit: int,
) -> Sequence[MessageRow]:
    """Return the last messages before `before`, newest first."""
    query = visible_to(actor, MessageRow).where(col(MessageRow.thread_id) == thread_id)
    if before is not None:
        query = query.where(col(MessageRow.sequence) < before)
    query = query.order_by(col(MessageRow.sequence).desc()).limit(limit)
    return (await session.exec(query)).all()


async def last_sequence(session: Session, actor: Actor, thread_id: UUID) -> int:
    """Return the number of the newest message, 0 when there is none."""
    rows = await list_messages(session, actor, thread_id, before=None, limit=1)
    return rows[0].sequence if rows else 0
