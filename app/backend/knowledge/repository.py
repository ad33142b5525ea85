"""Queries of knowledge."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Executable, case
from sqlalchemy.orm import Session as PlainSession
from sqlmodel import col, func, or_, select, update

from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import owned_by, visible_to
from app.backend.identity.sharing_repository import shared_ids
from app.backend.identity.sharing_schemas import Shown
from app.backend.knowledge.schemas import DocumentStatus
from app.backend.knowledge.tables import (
    ChunkRow,
    CollectionRow,
    CollectionShareRow,
    DocumentRow,
)

FINAL = (DocumentStatus.READY, DocumentStatus.FAILED)


async def find_collection(
    session: Session, actor: Actor, collection_id: UUID
) -> CollectionRow | None:
    """Return the collection, if the actor may see it."""
    query = visible_to(actor, CollectionRow).where(
        col(CollectionRow.id) == collection_id
    )
    return (await session.exec(query)).first()


async def list_collections(
    session: Session, actor: Actor, *, shown: Shown, after: UUID | None, limit: int
) -> Sequence[CollectionRow]:
    """Return a page of collections, newest first; none is for everybody."""
    if shown is Shown.PUBLIC:
        return []
    if shown is Shown.MINE:
        query = owned_by(actor, CollectionRow)
    else:
        query = visible_to(actor, CollectionRow).where(
            col(CollectionRow.id).in_(shared_ids(actor, CollectionShareRow))
        )
    if after is not None:
        query = query.where(col(CollectionRow.id) < after)
    query = query.order_by(col(CollectionRow.id).desc()).limit(limit)
    return (await session.exec(query)).all()


class SearchedCollection(NamedTuple):
    """What a search needs of a collection."""

    id: UUID
    owner_id: UUID
    name: str
    version: int
    embedding_model: str
    vectors_id: UUID | None

    @property
    def index_id(self) -> UUID:
        """Under which name the vectors are in the index."""
        return self.vectors_id or self.id


class FoundPassage(NamedTuple):
    """What a search shows of a passage."""

    id: UUID
    collection_id: UUID
    document_id: UUID
    document_name: str
    page: int | None
    text: str


async def find_collections(
    session: Session, actor: Actor, collection_ids: Sequence[UUID]
) -> list[SearchedCollection]:
    """Return those of the collections that the actor may see."""
    query = (
        visible_to(actor, CollectionRow)
        .where(col(CollectionRow.id).in_(collection_ids))
        .with_only_columns(
            col(CollectionRow.id),
            col(CollectionRow.owner_id),
            col(CollectionRow.name),
            col(CollectionRow.version),
            col(CollectionRow.embedding_model),
            col(CollectionRow.vectors_id),
        )
    )
    return [SearchedCollection(*row) for row in await _fetch(session, query)]


async def count_contents(
    session: Session, actor: Actor, collection_ids: Sequence[UUID]
) -> dict[UUID, tuple[UUID, int, int, int]]:
    """Return, per collection: documents, chunks, bytes."""
    query = (
        visible_to(actor, DocumentRow)
        .where(col(DocumentRow.collection_id).in_(collection_ids))
        .with_only_columns(
            col(DocumentRow.collection_id),
            func.count(),
            func.sum(DocumentRow.chunks_done),
            func.sum(DocumentRow.size),
        )
        .group_by(col(DocumentRow.collection_id))
    )
    return {row[0]: row for row in await _fetch(session, query)}


async def find_document(
    session: Session, actor: Actor, document_id: UUID
) -> DocumentRow | None:
    """Return the document, if the actor may see its collection."""
    query = visible_to(actor, DocumentRow).where(col(DocumentRow.id) == document_id)
    return (await session.exec(query)).first()


async def find_copy(
    session: Session, actor: Actor, *, collection_id: UUID, sha256: str
) -> DocumentRow | None:
    """Return the document of a collection that has these very bytes."""
    query = visible_to(actor, DocumentRow).where(
        col(DocumentRow.collection_id) == collection_id,
        col(DocumentRow.sha256) == sha256,
    )
    return (await session.exec(query)).first()


async def list_documents(
    session: Session,
    actor: Actor,
    *,
    collection_id: UUID | None = None,
    after: UUID | None = None,
    limit: int,
) -> Sequence[DocumentRow]:
    """Return a page of documents, newest first; of all the actor's own collections when none is named."""
    if collection_id is None:
        query = owned_by(actor, DocumentRow)
    else:
        query = visible_to(actor, DocumentRow).where(
            col(DocumentRow.collection_id) == collection_id
        )
    if after is not None:
        query = query.where(col(DocumentRow.id) < after)
    query = query.order_by(col(DocumentRow.id).desc()).limit(limit)
    return (await session.exec(query)).all()


async def hold_embedded(session: Session, collection_id: UUID) -> Sequence[DocumentRow]:
    """Return the documents of a collection that was found for the actor, but those that failed before they were cut.

    They are as they are now, and stay so until the commit.
    """
    query = (
        select(DocumentRow)  # lint-skip: repo-scope - the collection was found
        .where(
            col(DocumentRow.collection_id) == collection_id,
            or_(
                col(DocumentRow.status) != DocumentStatus.FAILED,
                col(DocumentRow.chunks_total) > 0,
            ),
        )
        .order_by(col(DocumentRow.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.exec(query)).all()


async def find_any_collection(
    session: Session, collection_id: UUID
) -> CollectionRow | None:
    """Return a collection for the job that works on it, whoever owns it."""
    query = select(CollectionRow).where(  # lint-skip: repo-scope
        col(CollectionRow.id) == collection_id
    )
    return (await session.exec(query)).first()


async def list_files(
    session: Session, actor: Actor, collection_id: UUID
) -> Sequence[UUID]:
    """Return the ids of the files behind a collection."""
    query = (
        owned_by(actor, DocumentRow)
        .where(col(DocumentRow.collection_id) == collection_id)
        .with_only_columns(col(DocumentRow.file_id))
    )
    return [row[0] for row in await _fetch(session, query)]


async def find_chunk(session: Session, actor: Actor, chunk_id: UUID) -> ChunkRow | None:
    """Return the passage, if the actor may see its collection."""
    query = visible_to(actor, ChunkRow).where(col(ChunkRow.id) == chunk_id)
    return (await session.exec(query)).first()


async def list_chunks(
    session: Session,
    actor: Actor,
    *,
    document_id: UUID,
    after: int = -1,
    limit: int,
) -> Sequence[ChunkRow]:
    """Return passages of a document after an ordinal, in order."""
    query = (
        visible_to(actor, ChunkRow)
        .where(col(ChunkRow.document_id) == document_id, col(ChunkRow.ordinal) > after)
        .order_by(col(ChunkRow.ordinal))
        .limit(limit)
    )
    return (await session.exec(query)).all()


async def find_passages(
    session: Session, actor: Actor, chunk_ids: Sequence[UUID]
) -> dict[UUID, FoundPassage]:
    """Return those of the passages that the actor may see and whose document is ready."""
    query = (
        visible_to(actor, ChunkRow)
        .join(DocumentRow, col(DocumentRow.id) == ChunkRow.document_id)
        .where(
            col(ChunkRow.id).in_(chunk_ids),
            col(DocumentRow.status) == DocumentStatus.READY,
        )
        .with_only_columns(
            col(ChunkRow.id),
            col(ChunkRow.collection_id),
            col(ChunkRow.document_id),
            col(DocumentRow.name),
            col(ChunkRow.page),
            col(ChunkRow.text),
        )
    )
    return {row[0]: FoundPassage(*row) for row in await _fetch(session, query)}


async def list_texts(
    session: Session, actor: Actor, collection_id: UUID
) -> Sequence[tuple[UUID, str, str, str]]:
    """Return id, document name, heading and text of every passage of the ready documents."""
    query = (
        visible_to(actor, ChunkRow)
        .join(DocumentRow, col(DocumentRow.id) == ChunkRow.document_id)
        .where(
            col(ChunkRow.collection_id) == collection_id,
            col(DocumentRow.status) == DocumentStatus.READY,
        )
        .with_only_columns(
            col(ChunkRow.id),
            col(DocumentRow.name),
            col(ChunkRow.heading),
            col(ChunkRow.text),
        )
    )
    return await _fetch(session, query)


async def count_documents(
    session: Session, actor: Actor, collection_ids: Sequence[UUID]
) -> tuple[int, int]:
    """Return how many documents the collections have, and how many of them are being ingested."""
    is_unread = case((col(DocumentRow.status).not_in(FINAL), 1), else_=0)
    query = (
        visible_to(actor, DocumentRow)
        .where(col(DocumentRow.collection_id).in_(collection_ids))
        .with_only_columns(func.count(), func.coalesce(func.sum(is_unread), 0))
    )
    ((documents, unread),) = await _fetch(session, query)
    return documents, unread


async def find_any_document(session: Session, document_id: UUID) -> DocumentRow | None:
    """Return a document for the job that works on it, whoever owns it."""
    query = select(DocumentRow).where(  # lint-skip: repo-scope
        col(DocumentRow.id) == document_id
    )
    return (await session.exec(query)).first()


async def list_silent_documents(
    session: Session, *, unclaimed_since: datetime | None, limit: int
) -> Sequence[DocumentRow]:
    """Return documents that nobody works on any more, or never did if `unclaimed_since` is given; the longest silent first."""
    now = clock.now()
    is_lost = col(DocumentRow.lease_until) < now
    if unclaimed_since is not None:
        is_unclaimed = col(DocumentRow.lease_until).is_(None)
        is_lost |= is_unclaimed & (col(DocumentRow.updated_at) < unclaimed_since)
    query = (
        select(DocumentRow)  # lint-skip: repo-scope
        .where(col(DocumentRow.status).not_in(FINAL), is_lost)
        # Whoever is dispatched goes to the end, so that each has its turn.
        .order_by(col(DocumentRow.updated_at))
        .limit(limit)
        # Others take them in another order: who waits for none of them holds up nobody for ever.
        .with_for_update(skip_locked=True)
    )
    return (await session.exec(query)).all()


async def list_due_manuals(session: Session, *, limit: int) -> Sequence[CollectionRow]:
    """Return collections whose manual has to be asked for again, the longest due first."""
    query = (
        select(CollectionRow)  # lint-skip: repo-scope - the scheduler asks for all
        .where(col(CollectionRow.manual_due_at) < clock.now())
        .order_by(col(CollectionRow.manual_due_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.exec(query)).all()


async def hold_without_manual(
    session: Session, actor: Actor, collection_id: UUID
) -> CollectionRow | None:
    """Return the actor's collection if it lacks its manual; nobody else changes or deletes it until the transaction ends."""
    query = owned_by(actor, CollectionRow).where(
        col(CollectionRow.id) == collection_id,
        col(CollectionRow.manual_due_at).is_not(None),
    )
    return (await session.exec(query.with_for_update())).first()


async def raise_version(session: Session, collection_id: UUID) -> None:
    """Say that the passages of a collection changed."""
    await session.exec(
        # lint-skip: repo-scope - the ingest job knows the row by its id
        update(CollectionRow)
        .where(col(CollectionRow.id) == collection_id)
        .values(version=CollectionRow.version + 1, updated_at=clock.now())
    )


async def _fetch(session: Session, query: Executable) -> Sequence[Any]:
    # `exec` would give the first column only: the query began as one of whole rows.
    found = await session.run_sync(PlainSession.execute, query)
    return found.all()
