"""Routes of conversations."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app.backend.api.deps import CursorQuery, LimitQuery, ReadDep, WriteDep, may
from app.backend.core.actor import Actor, Permission
from app.backend.core.paging import PAGE_SIZE, Page
from app.backend.runs import steps
from app.backend.runs.steps import ThreadCheckpoint
from app.backend.threads import service as threads
from app.backend.threads.schemas import MessageView, ThreadView

router = APIRouter(prefix="/api/v1/threads", tags=["conversations"])

SEQUENCE_MAX = 2**31 - 1
Viewer = Annotated[Actor, may(Permission.VIEW_THREAD)]


class MessageList(BaseModel):
    """A stretch of a conversation, oldest first; `next_cursor` is the `before` of the stretch above."""

    items: list[MessageView]
    next_cursor: int | None = None


@router.get("")
async def list_threads(
    actor: Viewer,
    session: ReadDep,
    agent_id: UUID | None = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> Page[ThreadView]:
    """List conversations, newest first."""
    return await threads.list_threads(
        session, actor, agent_id=agent_id, cursor=cursor, limit=limit
    )


@router.get("/{thread_id}")
async def show_thread(actor: Viewer, session: ReadDep, thread_id: UUID) -> ThreadView:
    """Return a conversation."""
    return await threads.get_thread(session, actor, thread_id=thread_id)


@router.get("/{thread_id}/messages")
async def list_messages(
    actor: Viewer,
    session: ReadDep,
    thread_id: UUID,
    before: Annotated[int | None, Query(ge=1, le=SEQUENCE_MAX)] = None,
    limit: LimitQuery = PAGE_SIZE,
) -> MessageList:
    """Return the last messages, or those before a `sequence`, oldest first."""
    items = await threads.list_messages(
        session, actor, thread_id=thread_id, before=before, limit=limit + 1
    )
    shown = list(items[-limit:])
    has_more = len(items) > limit
    return MessageList(items=shown, next_cursor=shown[0].sequence if has_more else None)


@router.get("/{thread_id}/checkpoints")
async def list_checkpoints(
    actor: Viewer, session: ReadDep, thread_id: UUID
) -> list[ThreadCheckpoint]:
    """Return the newest checkpoint of each agent in a conversation; they are deleted with it."""
    return await steps.list_checkpoints(session, actor, thread_id=thread_id)


@router.delete("/{thread_id}", status_code=204)
async def delete_thread(
    actor: Annotated[Actor, may(Permission.DELETE_THREAD)],
    session: WriteDep,
    thread_id: UUID,
) -> None:
    """Delete a conversation with its messages; its runs stay."""
    await threads.delete_thread(session, actor, thread_id=thread_id)
