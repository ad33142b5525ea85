"""Queries of conversations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, delete, func, select, update

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import is_visible, visible_to
from app.backend.threads.tables import MessageRow, ThreadRow

_LAST_SEQUENCE = 2**31 - 2


async def find_thread(
    session: Session, actor: Actor, thread_id: UUID, *, is_locked: bool = False
) -> ThreadRow | None:
    """Return the thread, if it is the actor's; `is_locked` keeps other writers out until the commit."""
    query = visible_to(actor, ThreadRow).where(col(ThreadRow.id) == thread_id)
    if is_locked:
        query = query.with_for_update()
    return (await session.exec(query)).first()


async def touch_thread(
    session: Session, actor: Actor, thread_id: UUID, now: datetime
) -> bool:
    """Note that something was said in a thread, and keep other writers out until the commit; False when it is not the actor's."""
    query = (
        update(ThreadRow)
        .where(is_visible(actor, ThreadRow), col(ThreadRow.id) == thread_id)
        .values(updated_at=now)
    )
    return (await session.exec(query)).rowcount == 1


async def find_external(
    session: Session, actor: Actor, external_id: str
) -> ThreadRow | None:
    """Return the thread that a client calls so."""
    query = visible_to(actor, ThreadRow).where(
        col(ThreadRow.external_id) == external_id
    )
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


async def list_messages_before(
    session: Session, actor: Actor, thread_id: UUID, *, run_id: UUID, limit: int
) -> Sequence[MessageRow]:
    """Return the last messages before the first one of a run, newest first; all of them when it has none."""
    mine = visible_to(actor, MessageRow).where(col(MessageRow.thread_id) == thread_id)
    first = (
        mine.where(col(MessageRow.run_id) == run_id)
        .with_only_columns(func.min(MessageRow.sequence))
        .scalar_subquery()
    )
    query = mine.where(
        col(MessageRow.sequence) < func.coalesce(first, _LAST_SEQUENCE + 1)
    )
    query = query.order_by(col(MessageRow.sequence).desc()).limit(limit)
    return (await session.exec(query)).all()


async def find_first_message(
    session: Session, actor: Actor, thread_id: UUID
) -> MessageRow | None:
    """Return how a conversation begins."""
    query = visible_to(actor, MessageRow).where(col(MessageRow.thread_id) == thread_id)
    query = query.order_by(col(MessageRow.sequence).asc()).limit(1)
    return (await session.exec(query)).first()


def next_sequence(actor: Actor, thread_id: UUID) -> Any:
    """Return, for an insert, the number after that of the newest message; the caller has locked the thread."""
    mine = visible_to(actor, MessageRow).where(col(MessageRow.thread_id) == thread_id)
    newest = func.coalesce(func.max(MessageRow.sequence), 0)
    return mine.with_only_columns(newest + 1).scalar_subquery()


async def delete_messages(session: Session, actor: Actor, run_id: UUID) -> None:
    """Delete the messages of a run."""
    mine = visible_to(actor, MessageRow).where(col(MessageRow.run_id) == run_id)
    ids = mine.with_only_columns(col(MessageRow.id))
    await session.exec(delete(MessageRow).where(col(MessageRow.id).in_(ids)))


async def lock_thread(session: Session, thread_id: UUID) -> None:
    """Keep other writers out until the commit; on SQLite every writer is alone."""
    if session.get_bind().dialect.name == "sqlite":
        return
    query = (
        select(ThreadRow.id)  # lint-skip: repo-scope - the engine acts for nobody
        .where(col(ThreadRow.id) == thread_id)
        .with_for_update()
    )
    await session.exec(query)


async def move_to_end(session: Session, run_id: UUID) -> None:
    """Give the last message of a run the highest number of its conversation."""
    query = (
        select(MessageRow)  # lint-skip: repo-scope - the engine acts for nobody
        .where(col(MessageRow.run_id) == run_id)
        .order_by(col(MessageRow.sequence).desc())
        .limit(1)
    )
    row = (await session.exec(query)).first()
    if row is None:
        return
    newest = (
        select(MessageRow.sequence)  # lint-skip: repo-scope
        .where(col(MessageRow.thread_id) == row.thread_id)
        .order_by(col(MessageRow.sequence).desc())
        .limit(1)
    )
    last = (await session.exec(newest)).one()
    if last > row.sequence:
        row.sequence = last + 1
        session.add(row)
        await session.flush()
