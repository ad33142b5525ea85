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
    row = _add_thread(session, actor, agent_id, title)
    await session.flush()
    return ThreadView.model_validate(row)


async def create_threads(
    session: Session, actor: Actor, *, agent_id: UUID, titles: Sequence[str]
) -> list[UUID]:
    """Begin a conversation for each of `titles`; returns their ids."""
    rows = [_add_thread(session, actor, agent_id, title) for title in titles]
    await session.flush()
    return [row.id for row in rows]


async def find_external(
    session: Session, actor: Actor, *, external_id: str
) -> ThreadView | None:
    """Return the conversation that a client calls `external_id`; None when there is none."""
    found = await repository.find_external(session, actor, external_id)
    return ThreadView.model_validate(found) if found else None


async def open_external(
    session: Session, actor: Actor, *, agent_id: UUID, external_id: str, title: str
) -> ThreadView:
    """Return the conversation that a client calls `external_id`; begin it if there is none.

    The caller lets one at a time in.
    """
    found = await find_external(session, actor, external_id=external_id)
    if found is not None:
        return found
    row = ThreadRow(
        owner_id=actor.user_id,
        agent_id=agent_id,
        title=shorten(title, TITLE_LENGTH),
        channel="agui",
        external_id=external_id,
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


async def list_messages_before(
    session: Session, actor: Actor, *, thread_id: UUID, run_id: UUID, limit: int
) -> Sequence[MessageView]:
    """Return the last `limit` messages before the first one of a run, oldest first."""
    rows = await repository.list_messages_before(
        session, actor, thread_id, run_id=run_id, limit=limit
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
) -> None:
    """Add a message at the end of a conversation."""
    if not await repository.touch_thread(session, actor, thread_id, clock.now()):
        raise NotFound("conversation", thread_id)
    row = MessageRow(
        owner_id=actor.user_id,
        thread_id=thread_id,
        run_id=run_id,
        sequence=repository.next_sequence(actor, thread_id),
        role=role,
        content=storable(content),
    )
    session.add(row)
    await session.flush()


def add_first_message(
    session: Session, actor: Actor, *, thread_id: UUID, run_id: UUID, content: str
) -> None:
    """Add the question that a new conversation begins with; the caller has just begun it, and flushes."""
    session.add(
        MessageRow(
            owner_id=actor.user_id,
            thread_id=thread_id,
            run_id=run_id,
            sequence=1,
            role=MessageRole.USER,
            content=storable(content),
        )
    )


async def remove_messages(session: Session, actor: Actor, *, run_id: UUID) -> None:
    """Take what belongs to a run out of its conversation."""
    await repository.delete_messages(session, actor, run_id)


async def lock_thread(session: Session, *, thread_id: UUID) -> None:
    """Keep other writers out of a conversation until the commit, whoever owns it and whether or not it is there."""
    await repository.lock_thread(session, thread_id)


async def move_to_end(session: Session, *, run_id: UUID) -> None:
    """Put the question of a run behind what was said since it was asked; the engine does so when the run's turn comes."""
    await repository.move_to_end(session, run_id)


async def forget_run(
    session: Session, actor: Actor, *, thread_id: UUID, run_id: UUID
) -> None:
    """Delete what a run left in a conversation, and the conversation with it if nothing else is in it."""
    thread = await _need_thread(session, actor, thread_id, is_locked=True)
    await repository.delete_messages(session, actor, run_id)
    first = await repository.find_first_message(session, actor, thread_id)
    if first is None:
        await session.delete(thread)
    else:
        # The title was the first question, which may be the one that is gone.
        thread.title = shorten(first.content, TITLE_LENGTH)
        session.add(thread)
    await session.flush()


def shorten(text: str, length: int) -> str:
    """Return the first words of `text` in one line of at most `length` characters."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    return line[: length - 1].rsplit(" ", 1)[0].rstrip(",;:. ")[: length - 1] + "…"


def _add_thread(
    session: Session, actor: Actor, agent_id: UUID | None, title: str
) -> ThreadRow:
    row = ThreadRow(
        owner_id=actor.user_id, agent_id=agent_id, title=shorten(title, TITLE_LENGTH)
    )
    session.add(row)
    return row


async def _need_thread(
    session: Session, actor: Actor, thread_id: UUID, *, is_locked: bool = False
) -> ThreadRow:
    row = await repository.find_thread(session, actor, thread_id, is_locked=is_locked)
    if row is None:
        raise NotFound("conversation", thread_id)
    return row
