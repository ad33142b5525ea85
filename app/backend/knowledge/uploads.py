"""Takes uploads in and shows what became of them: work that needs the object store besides rows."""

import asyncio
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.files import validation
from app.backend.files.errors import StorageUsed
from app.backend.files.schemas import Upload
from app.backend.knowledge import service
from app.backend.knowledge.parsed import Parsed
from app.backend.knowledge.parsing import PARSED_JSON
from app.backend.knowledge.parts import IngestParts, original_key, parsed_key
from app.backend.knowledge.schemas import (
    ChunkView,
    DocumentStatus,
    DocumentText,
    DocumentView,
)

CONTEXT_CHARACTERS = 3000
_DOWNLOAD_SECONDS = 300


async def upload_document(
    parts: IngestParts,
    actor: Actor,
    *,
    collection_id: UUID,
    name: str,
    body: bytes,
    is_awaited: bool = True,
) -> DocumentView:
    """Check and store an upload and ask for its ingest, before others if somebody waits for it.

    The same bytes again are the same document.

    Raises:
        FileRefused: it is not a file that we take, or not what its name says.
        NotFound: the collection is not the actor's.
        StorageUsed: the owner of the collection has as much stored as they may.
        ServiceUnavailable: the object store does not work.
    """
    upload = await asyncio.to_thread(
        validation.inspect_upload,
        name,
        body,
        size_max=parts.settings.upload_max_bytes,
    )
    known = await _admit(parts, actor, collection_id, upload)
    if known is not None:
        return known
    document_id = ids.new_id()
    key = original_key(collection_id, document_id)
    await parts.objects.put(key, body, media_type=upload.media_type)
    try:
        async with parts.db.transaction() as session:
            return await service.add_document(
                session,
                actor,
                collection_id=collection_id,
                document_id=document_id,
                upload=upload,
                outbox=parts.outbox,
                is_awaited=is_awaited,
            )
    except (IntegrityError, StorageUsed):
        # The same file came twice at once, or another one has taken the room meanwhile.
        await parts.objects.delete(key)
        known = await _admit(parts, actor, collection_id, upload)
        if known is None:
            raise
        return known


async def show_passage(
    parts: IngestParts, actor: Actor, *, chunk_id: UUID
) -> DocumentText:
    """Return the text of a document around a passage."""
    async with parts.db.read() as session:
        chunk = await service.get_chunk(session, actor, chunk_id=chunk_id)
        document = await service.get_document(
            session, actor, document_id=chunk.document_id
        )
    parsed = await _load_parsed(parts, document)
    return _around(document, chunk, parsed.text)


async def make_download_url(
    parts: IngestParts, actor: Actor, *, document_id: UUID
) -> str:
    """Return a short-lived URL of the original."""
    async with parts.db.read() as session:
        document = await service.get_document(session, actor, document_id=document_id)
    return await parts.objects.url(
        original_key(document.collection_id, document.id),
        name=document.name,
        seconds=_DOWNLOAD_SECONDS,
    )


async def _admit(
    parts: IngestParts, actor: Actor, collection_id: UUID, upload: Upload
) -> DocumentView | None:
    async with parts.db.read() as session:
        known = await service.admit(
            session, actor, collection_id=collection_id, upload=upload
        )
    if known is None or known.status != DocumentStatus.FAILED:
        return known
    # Whoever uploads a failed document again wants it tried again.
    async with parts.db.transaction() as session:
        return await service.retry_document(
            session, actor, document_id=known.id, outbox=parts.outbox
        )


async def _load_parsed(parts: IngestParts, document: DocumentView) -> Parsed:
    key = parsed_key(document.collection_id, document.id)
    return PARSED_JSON.validate_json(await parts.objects.get(key))


def _around(document: DocumentView, chunk: ChunkView, text: str) -> DocumentText:
    first = max(0, chunk.start - CONTEXT_CHARACTERS)
    last = min(len(text), chunk.end + CONTEXT_CHARACTERS)
    return DocumentText(
        document=document,
        chunk=chunk,
        text=text[first:last],
        offset=first,
        start=chunk.start - first,
        end=chunk.end - first,
        has_before=first > 0,
        has_after=last < len(text),
    )
