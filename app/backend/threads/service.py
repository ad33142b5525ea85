"""Conversations: a run that is given no thread makes one, a follow-up goes on in it."""

from collections.abc import Sequence
from uuid import UUID

from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import NotFound
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.core.texts import storable
from app.backend.threads import repository
from app.backend.threads.schemas import MessageRole, MessageView, ThreadView
from app.backend.threads.tables import MessageRow, ThreadRow

TITLE_LENGTH = 80


async def create_thread(
    session: Session, actor: Actor, *, agent_id: UUID | None, title: str
) -> ThreadView:
    """Begin a conversation; its title is the first words of `title`."""
    row = ThreadRow(
        owner_id=actor.user_id, agent_id=agent_id, title=shorten(title, TITLE_LENGTH)
    )
    session.add(row)
    await session.flush()
    return ThreadView.model_validate(row)


async def get_thread(session: Session, actor: Actor, *, thread_id: UUID) -> ThreadView:
    """Return a conversation."""
    return ThreadView.model_validate(await _need_thread(session, actor, thread_id))


async def list_threads(
    session: Session,
    actor: Actor,
    *,
    agent_id: UUID | None = None,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page[ThreadView]:
    """Return a page of conversations, newest first."""
    rows = await repository.list_threads(
        session, actor, agent_id=agent_id, after=parse_cursor(cursor), limit=limit + 1
    )
    return to_page([ThreadView.model_validate(row) for row in rows], limit)


async def delete_thread(session: Session, actor: Actor, *, thread_id: UUID) -> None:
    """Delete a conversation with its messages; its runs stay."""
    await session.delete(await _need_thread(session, actor, thread_id))
    await session.flush()


async def list_messages(
    session: Session,
    actor: Actor,
    *,
    thread_id: UUID,
    before: int | None = None,
    limit: int = PAGE_SIZE,
) -> Sequence[MessageView]:
    """Return the last `limit` messages before the sequence `before`, oldest first."""
    await _need_thread(session, actor, thread_id)
    rows = await repository.list_messages(
        session, actor, thread_id, before=before, limit=limit
    )
    return [MessageView.model_validate(row) for row in reversed(rows)]


async def add_message(
    session: Session,
    actor: Actor,
    *,
    thread_id: UUID,
    run_id: UUID | None,
    role: MessageRole,
    content: str,
) -> MessageView:
    """Add a message at the end of a conversation."""
    thread = await _need_thread(session, actor, thread_id, is_locked=True)
    row = MessageRow(
        owner_id=actor.user_id,
        thread_id=thread_id,
        run_id=run_id,
        sequence=await repository.last_sequence(session, actor, thread_id) + 1,
        role=role,
        content=storable(content),
    )
    thread.updated_at = clock.now()
    session.add_all([row, thread])
    await session.flush()
    return MessageView.model_validate(row)


def shorten(text: str, length: int) -> str:
    """Return the first words of `text` in one line of at most `length` characters."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    return line[: length - 1].rsplit(" ", 1)[0].rstrip(",;:. ")[: length - 1] + "…"


async def _need_thread(
    session: Session, actor: Actor, thread_id: UUID, *, is_locked: bool = False
) -> ThreadRow:
    row = await repository.find_thread(session, actor, thread_id, is_locked=is_locked)
    if row is None:
        raise NotFound("conversation", thread_id)
    return row
