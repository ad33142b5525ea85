"""Collections and documents, as their owner, and those with whom they are shared, see and change them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.backend.core import acting, clock, ids
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Conflict, NotFound
from app.backend.core.jobs import Job, JobName
from app.backend.core.outbox import Outbox
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.files import service as files
from app.backend.files.schemas import Upload
from app.backend.identity import service as identity
from app.backend.identity import sharing
from app.backend.identity.sharing_schemas import Level, Shown
from app.backend.knowledge import dispatch, repository
from app.backend.knowledge.parts import VECTORS, original_key
from app.backend.knowledge.schemas import (
    ChunkView,
    CollectionDraft,
    CollectionView,
    DocumentStatus,
    DocumentView,
)
from app.backend.knowledge.tables import (
    CollectionRow,
    CollectionShareRow,
    DocumentRow,
)

_HIDDEN = {"owner_id", "version", "vectors_id", "manual_due_at"}


async def create_collection(
    session: Session,
    actor: Actor,
    *,
    draft: CollectionDraft,
    embedding_model: str,
    manual_due_at: datetime | None = None,
) -> CollectionView:
    """Make an empty collection; its vectors are of the model that it names, which was checked, else of `embedding_model`."""
    values = draft.model_dump()
    named = values.pop("embedding_model").strip()
    row = CollectionRow(
        owner_id=actor.user_id,
        embedding_model=named or embedding_model,
        manual_due_at=manual_due_at,
        **values,
    )
    session.add(row)
    await session.flush()
    return (await _to_views(session, actor, [row]))[0]


async def list_collections(
    session: Session,
    actor: Actor,
    *,
    shown: Shown = Shown.MINE,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page[CollectionView]:
    """Return a page of the actor's collections, or of those that are shared with them, newest first."""
    rows = await repository.list_collections(
        session, actor, shown=shown, after=parse_cursor(cursor), limit=limit + 1
    )
    return to_page(await _to_views(session, actor, rows), limit)


async def get_collection(
    session: Session, actor: Actor, *, collection_id: UUID
) -> CollectionView:
    """Return a collection with its counts."""
    row = await need_collection(session, actor, collection_id)
    return (await _to_views(session, actor, [row]))[0]


async def update_collection(
    session: Session,
    actor: Actor,
    *,
    collection_id: UUID,
    draft: CollectionDraft,
    outbox: Outbox,
) -> CollectionView:
    """Change name and description; with another embedding model, which was checked, all documents are embedded anew.

    Raises:
        NotFound: there is no such collection for the actor.
        Forbidden: they may not change it; its model is changed by its owner alone, who pays.
    """
    values = draft.model_dump()
    model = values.pop("embedding_model").strip()
    row = await need_collection(session, actor, collection_id, Level.EDIT)
    is_other = model not in ("", row.embedding_model)
    if is_other:
        await need_collection(session, actor, collection_id, Level.OWN)
    with acting.as_user(row.owner_id):
        row.sqlmodel_update(values | {"updated_at": clock.now()})
        session.add(row)
        await session.flush()
        if is_other:
            await _embed_anew(session, row, model, outbox)
    return (await _to_views(session, actor, [row]))[0]


async def delete_collection(
    session: Session, actor: Actor, *, collection_id: UUID, outbox: Outbox
) -> None:
    """Delete a collection with its documents, which only its owner may; a job removes originals and vectors."""
    row = await need_collection(session, actor, collection_id, Level.OWN)
    file_ids = await repository.list_files(session, actor, collection_id)
    await session.delete(row)
    await session.flush()
    for file_id in file_ids:
        await files.remove_file(session, actor, file_id=file_id)
    await outbox.add(session, _purge_job(str(collection_id)))
    if row.vectors_id is not None:
        await outbox.add(session, _purge_job(f"{VECTORS}/{row.vectors_id}"))


async def list_documents(
    session: Session,
    actor: Actor,
    *,
    collection_id: UUID | None = None,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page[DocumentView]:
    """Return a page of documents, newest first; of all collections when none is named."""
    if collection_id is not None:
        await need_collection(session, actor, collection_id)
    rows = await repository.list_documents(
        session,
        actor,
        collection_id=collection_id,
        after=parse_cursor(cursor),
        limit=limit + 1,
    )
    return to_page([DocumentView.model_validate(row) for row in rows], limit)


async def get_document(
    session: Session, actor: Actor, *, document_id: UUID
) -> DocumentView:
    """Return a document and how far its ingest is."""
    row = await _need_document(session, actor, document_id)
    return DocumentView.model_validate(row)


async def count_unread(
    session: Session, actor: Actor, *, collection_ids: Sequence[UUID]
) -> tuple[int, int]:
    """Return how many documents of the collections are still being read, and how many there are."""
    documents, unread = await repository.count_documents(session, actor, collection_ids)
    return unread, documents


async def admit(
    session: Session, actor: Actor, *, collection_id: UUID, upload: Upload
) -> DocumentView | None:
    """Return the document of a collection, to which the actor may add, that has these very bytes; None for a new one.

    Raises:
        StorageUsed: it is new, and the owner of the collection has no room for it.
    """
    collection = await need_collection(session, actor, collection_id, Level.EDIT)
    row = await repository.find_copy(
        session, actor, collection_id=collection_id, sha256=upload.sha256
    )
    if row is not None:
        return DocumentView.model_validate(row)
    owner = await _owner_of(session, actor, collection)
    await files.check_room(session, owner, size=upload.size)
    return None


async def add_document(
    session: Session,
    actor: Actor,
    *,
    collection_id: UUID,
    document_id: UUID,
    upload: Upload,
    outbox: Outbox,
    is_awaited: bool = True,
) -> DocumentView:
    """Record an upload whose bytes are stored, and ask for its ingest; before others if somebody waits for it."""
    collection = await need_collection(session, actor, collection_id, Level.EDIT)
    owner = await _owner_of(session, actor, collection)
    with acting.as_user(owner.user_id):
        file = await files.add_file(
            session,
            owner,
            upload=upload,
            object_key=original_key(collection_id, document_id),
        )
        row = DocumentRow(
            id=document_id,
            owner_id=owner.user_id,
            collection_id=collection_id,
            file_id=file.id,
            status=DocumentStatus.UPLOADED,
            **upload.model_dump(),
        )
        session.add(row)
        await session.flush()
    await outbox.add(session, dispatch.ingest_job(row, is_awaited=is_awaited))
    return DocumentView.model_validate(row)


async def retry_document(
    session: Session, actor: Actor, *, document_id: UUID, outbox: Outbox
) -> DocumentView:
    """Ingest a failed document again; what was done already is kept.

    Raises:
        Conflict: it has not failed.
    """
    row = await _need_document(session, actor, document_id)
    await need_collection(session, actor, row.collection_id, Level.EDIT)
    if row.status != DocumentStatus.FAILED:
        message = f"{row.name!r} has not failed, so there is nothing to retry."
        raise Conflict(message)
    with acting.as_user(row.owner_id):
        row.status = dispatch.stage_reached(row)
        row.error = ""
        await dispatch.dispatch(session, row, outbox, is_awaited=True)
    return DocumentView.model_validate(row)


async def delete_document(
    session: Session, actor: Actor, *, document_id: UUID, outbox: Outbox
) -> None:
    """Delete a document with its passages; a job removes its original and its vectors."""
    row = await _need_document(session, actor, document_id)
    collection = await need_collection(session, actor, row.collection_id, Level.EDIT)
    owner = await _owner_of(session, actor, collection)
    with acting.as_user(owner.user_id):
        # The collection first, as workers take it.
        await repository.raise_version(session, row.collection_id)
        await session.delete(row)
        await session.flush()
        await files.remove_file(session, owner, file_id=row.file_id)
    await outbox.add(session, _purge_job(f"{row.collection_id}/{row.id}"))


async def get_chunk(session: Session, actor: Actor, *, chunk_id: UUID) -> ChunkView:
    """Return a passage."""
    row = await repository.find_chunk(session, actor, chunk_id)
    if row is None:
        raise NotFound("passage", chunk_id)
    return ChunkView.model_validate(row)


async def list_chunks(
    session: Session,
    actor: Actor,
    *,
    document_id: UUID,
    after: int = -1,
    limit: int = PAGE_SIZE,
) -> list[ChunkView]:
    """Return passages of a document that follow an ordinal, in order."""
    await _need_document(session, actor, document_id)
    rows = await repository.list_chunks(
        session, actor, document_id=document_id, after=after, limit=limit
    )
    return [ChunkView.model_validate(row) for row in rows]


async def set_manual_due(
    session: Session, actor: Actor, *, collection_id: UUID, at: datetime | None
) -> bool:
    """Say when the manual of a collection is asked for again, or with None that it is there.

    False when the collection lacks none, or is gone.
    """
    row = await repository.hold_without_manual(session, actor, collection_id)
    if row is None:
        return False
    row.manual_due_at = at
    return True


async def take_due_manuals(
    session: Session, *, until: datetime, limit: int
) -> list[tuple[UUID, UUID]]:
    """Return owners and ids of collections whose manual has to be asked for again; they are not due before `until`."""
    rows = await repository.list_due_manuals(session, limit=limit)
    for row in rows:
        row.manual_due_at = until
    return [(row.owner_id, row.id) for row in rows]


async def _embed_anew(
    session: Session, row: CollectionRow, model: str, outbox: Outbox
) -> None:
    """Let the vectors of a collection be of another model: under a name of their own, since their sizes differ."""
    await outbox.add(session, _purge_job(f"{VECTORS}/{row.index_id}"))
    row.embedding_model, row.vectors_id = model, ids.new_id()
    session.add(row)
    # From here on the collection is held: no worker makes a document ready, or says how far it is.
    await session.flush()
    await repository.raise_version(session, row.id)
    for document in await repository.hold_embedded(session, row.id):
        dispatch.rewind(document)
        document.error = ""
        await dispatch.dispatch(session, document, outbox)


def _purge_job(subject: str) -> Job:
    # RQ takes letters, digits, underscores and dashes in an id.
    return Job(
        name=JobName.DOCUMENT_PURGE,
        key=f"purge-{subject.replace('/', '-')}",
        subject_id=subject,
    )


async def need_collection(
    session: Session, actor: Actor, collection_id: UUID, level: Level = Level.VIEW
) -> CollectionRow:
    """Return the row of a collection with which the actor may do what `level` allows.

    Raises:
        NotFound: it is not there, or neither the actor's nor shared with them.
        Forbidden: they may see it only.
    """
    row = await repository.find_collection(session, actor, collection_id)
    if row is None:
        raise NotFound("collection", collection_id)
    levels = await sharing.levels_of(session, actor, CollectionShareRow, [row])
    sharing.need_level(levels[row.id], level, "collection")
    return row


async def _need_document(
    session: Session, actor: Actor, document_id: UUID
) -> DocumentRow:
    row = await repository.find_document(session, actor, document_id)
    if row is None:
        raise NotFound("document", document_id)
    return row


async def _owner_of(session: Session, actor: Actor, row: CollectionRow) -> Actor:
    """Return in whose name files of the collection are kept: all that is in it is its owner's."""
    if row.owner_id == actor.user_id:
        return actor
    return await identity.get_actor(session, row.owner_id)


async def _to_views(
    session: Session, actor: Actor, rows: Sequence[CollectionRow]
) -> list[CollectionView]:
    counts = await repository.count_contents(session, actor, [row.id for row in rows])
    levels = await sharing.levels_of(session, actor, CollectionShareRow, rows)
    others = [row for row in rows if levels[row.id] is not Level.OWN]
    names = await sharing.names_of(session, others)
    views: list[CollectionView] = []
    for row in rows:
        _, documents, chunks, size = counts.get(row.id, (row.id, 0, 0, 0))
        views.append(
            CollectionView(
                **row.model_dump(exclude=_HIDDEN),
                documents=documents,
                chunks=chunks,
                size=size,
                access=levels[row.id],
                owner_name=names.get(row.owner_id, ""),
            )
        )
    return views
