"""Routes of collections: their documents, and the search in them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Query, UploadFile

from app.backend.api.bodies import AsShown
from app.backend.api.deps import (
    CursorQuery,
    LimitQuery,
    PartsDep,
    ReadDep,
    ShownQuery,
    WriteDep,
    may,
)
from app.backend.api.uploads import Uploaded, take_all
from app.backend.core.actor import Actor, Permission
from app.backend.core.paging import PAGE_SIZE, Page
from app.backend.identity.sharing_schemas import Shown
from app.backend.knowledge import search as knowledge_search
from app.backend.knowledge import service as knowledge
from app.backend.knowledge.choice import check_change, choose_embedder
from app.backend.knowledge.schemas import (
    CollectionDraft,
    CollectionView,
    DocumentView,
    SearchResult,
)

router = APIRouter(prefix="/api/v1/collections", tags=["knowledge"])

QUERY_MAX = 2000
PASSAGES_DEFAULT = 4
PASSAGES_MAX = 20

Viewer = Annotated[Actor, may(Permission.VIEW_KNOWLEDGE)]
Adder = Annotated[Actor, may(Permission.ADD_KNOWLEDGE)]


@router.get("")
async def list_collections(
    actor: Viewer,
    session: ReadDep,
    shown: ShownQuery = Shown.MINE,
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> Page[CollectionView]:
    """List collections, newest first; none is public."""
    return await knowledge.list_collections(
        session, actor, shown=shown, cursor=cursor, limit=limit
    )


@router.post("", status_code=201)
async def create_collection(
    actor: Adder, parts: PartsDep, draft: CollectionDraft
) -> CollectionView:
    """Make an empty collection."""
    model = await choose_embedder(parts, actor, draft.embedding_model)
    async with parts.db.transaction() as session:
        return await knowledge.create_collection(
            session, actor, draft=draft, embedding_model=model
        )


@router.get("/{collection_id}")
async def show_collection(
    actor: Viewer, session: ReadDep, collection_id: UUID
) -> CollectionView:
    """Return a collection."""
    return await knowledge.get_collection(session, actor, collection_id=collection_id)


@router.put("/{collection_id}")
async def update_collection(
    actor: Annotated[Actor, may(Permission.CHANGE_KNOWLEDGE)],
    parts: PartsDep,
    collection_id: UUID,
    draft: Annotated[CollectionDraft, AsShown(CollectionView)],
) -> CollectionView:
    """Change a collection's name, description and embedding model; with another model its documents are embedded anew."""
    named = draft.embedding_model
    await check_change(parts, actor, collection_id=collection_id, named=named)
    async with parts.db.transaction() as session:
        return await knowledge.update_collection(
            session,
            actor,
            collection_id=collection_id,
            draft=draft,
            outbox=parts.outbox,
        )


@router.delete("/{collection_id}", status_code=204)
async def delete_collection(
    actor: Annotated[Actor, may(Permission.DELETE_KNOWLEDGE)],
    parts: PartsDep,
    session: WriteDep,
    collection_id: UUID,
) -> None:
    """Delete a collection with its documents for good."""
    await knowledge.delete_collection(
        session, actor, collection_id=collection_id, outbox=parts.outbox
    )


@router.get("/{collection_id}/documents")
async def list_documents(
    actor: Viewer,
    session: ReadDep,
    collection_id: UUID,
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> Page[DocumentView]:
    """List the documents of a collection, newest first."""
    return await knowledge.list_documents(
        session, actor, collection_id=collection_id, cursor=cursor, limit=limit
    )


@router.post("/{collection_id}/documents", status_code=202)
async def upload_documents(
    actor: Adder,
    parts: PartsDep,
    collection_id: UUID,
    files: Annotated[list[UploadFile], File(description="One or more files.")],
) -> Uploaded:
    """Upload documents; `GET /api/v1/documents/{id}` tells how far each is."""
    return await take_all(parts, actor, collection_id=collection_id, files=files)


@router.get("/{collection_id}/search")
async def search(
    actor: Viewer,
    parts: PartsDep,
    collection_id: UUID,
    q: Annotated[str, Query(min_length=1, max_length=QUERY_MAX, description="Query.")],
    limit: Annotated[int, Query(ge=1, le=PASSAGES_MAX)] = PASSAGES_DEFAULT,
) -> SearchResult:
    """Find the passages that fit a query best."""
    async with parts.db.read() as session:
        await knowledge.get_collection(session, actor, collection_id=collection_id)
    return await knowledge_search.search(
        parts, actor, collection_ids=[collection_id], query=q, limit=limit
    )
