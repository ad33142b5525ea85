"""Routes of tools and of the notes that they keep."""

from typing import Annotated

from fastapi import APIRouter

from app.backend.api.deps import CursorQuery, LimitQuery, PartsDep, ReadDep, may
from app.backend.core.actor import Actor, Permission
from app.backend.core.paging import PAGE_SIZE, Page
from app.backend.tools import notes
from app.backend.tools.schemas import NoteView, ToolView

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
