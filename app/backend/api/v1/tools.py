"""Routes of tools and of the notes that they keep."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from app.backend.api.deps import (
    CursorQuery,
    LimitQuery,
    PartsDep,
    ReadDep,
    WriteDep,
    may,
)
from app.backend.core.actor import Actor, Permission
from app.backend.core.paging import PAGE_SIZE, Page
from app.backend.tools import notes
from app.backend.tools.schemas import NoteDraft, NoteView, ToolView

router = APIRouter(tags=["tools"])


@router.get("/api/v1/tools")
async def list_tools(
    _actor: Annotated[Actor, may(Permission.VIEW_AGENT)], parts: PartsDep
) -> list[ToolView]:
    """List the tools that agents can be given, and what happens when one is called twice."""
    return parts.tools.list()


@router.get("/api/v1/notes")
async def list_notes(
    actor: Annotated[Actor, may(Permission.VIEW_KNOWLEDGE)],
    session: ReadDep,
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> Page[NoteView]:
    """List the notes that your agents keep, newest first."""
    return await notes.list_notes(session, actor, cursor=cursor, limit=limit)


@router.patch("/api/v1/notes/{note_id}")
async def update_note(
    note_id: UUID,
    draft: NoteDraft,
    actor: Annotated[Actor, may(Permission.CHANGE_KNOWLEDGE)],
    session: WriteDep,
) -> NoteView:
    """Make a note say something else."""
    return await notes.update_note(session, actor, note_id=note_id, draft=draft)


@router.delete("/api/v1/notes/{note_id}", status_code=204)
async def delete_note(
    note_id: UUID,
    actor: Annotated[Actor, may(Permission.DELETE_KNOWLEDGE)],
    session: WriteDep,
) -> Response:
    """Delete a note for ever."""
    await notes.delete_note(session, actor, note_id=note_id)
    return Response(status_code=204)
