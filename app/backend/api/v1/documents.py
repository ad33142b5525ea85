"""Routes of documents and their passages."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import RedirectResponse

from app.backend.api.deps import LimitQuery, PartsDep, ReadDep, WriteDep, may
from app.backend.core.actor import Actor, Permission
from app.backend.core.paging import PAGE_SIZE
from app.backend.knowledge import service as knowledge
from app.backend.knowledge import uploads
from app.backend.knowledge.schemas import ChunkView, DocumentText, DocumentView

router = APIRouter(prefix="/api/v1", tags=["knowledge"])

ORDINAL_MAX = 2**31 - 1
Viewer = Annotated[Actor, may(Permission.VIEW_KNOWLEDGE)]


class ChunkList(BaseModel):
    """Passages of a document in their order; `next_cursor` is the `after` of the following ones."""

    items: list[ChunkView]
    next_cursor: int | None = None


@router.get("/documents/{document_id}")
async def show_document(
    actor: Viewer, session: ReadDep, document_id: UUID
) -> DocumentView:
    """Return a document and how far its ingest is."""
    return await knowledge.get_document(session, actor, document_id=document_id)


@router.delete("/documents/{document_id}", status_code=204)
async def delete_document(
    actor: Annotated[Actor, may(Permission.DELETE_KNOWLEDGE)],
    parts: PartsDep,
    session: WriteDep,
    document_id: UUID,
) -> None:
    """Delete a document with its passages for good."""
    await knowledge.delete_document(
        session, actor, document_id=document_id, outbox=parts.outbox
    )


@router.post("/documents/{document_id}/retry", status_code=202)
async def retry_document(
    actor: Annotated[Actor, may(Permission.CHANGE_KNOWLEDGE)],
    parts: PartsDep,
    session: WriteDep,
    document_id: UUID,
) -> DocumentView:
    """Try the ingest of a failed document again."""
    return await knowledge.retry_document(
        session, actor, document_id=document_id, outbox=parts.outbox
    )


@router.get("/documents/{document_id}/chunks")
async def list_chunks(
    actor: Viewer,
    session: ReadDep,
    document_id: UUID,
    after: Annotated[int, Query(ge=-1, le=ORDINAL_MAX)] = -1,
    limit: LimitQuery = PAGE_SIZE,
) -> ChunkList:
    """List the passages of a document in their order."""
    items = await knowledge.list_chunks(
        session, actor, document_id=document_id, after=after, limit=limit + 1
    )
    shown = items[:limit]
    return ChunkList(
        items=shown, next_cursor=shown[-1].ordinal if len(items) > limit else None
    )


@router.get(
    "/documents/{document_id}/download",
    response_class=RedirectResponse,
    status_code=307,
)
async def download_document(
    actor: Viewer, parts: PartsDep, document_id: UUID
) -> RedirectResponse:
    """Go to a short-lived address of the original."""
    url = await uploads.make_download_url(parts, actor, document_id=document_id)
    return RedirectResponse(url)


@router.get("/chunks/{chunk_id}")
async def show_passage(actor: Viewer, parts: PartsDep, chunk_id: UUID) -> DocumentText:
    """Return a passage with the text of its document around it."""
    return await uploads.show_passage(parts, actor, chunk_id=chunk_id)
