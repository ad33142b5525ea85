"""The job that removes what lies outside the rows of deleted documents and collections."""

from uuid import UUID

from app.backend.core import acting
from app.backend.knowledge import repository
from app.backend.knowledge.parts import VECTORS, IngestParts, folder_key
from app.backend.knowledge.patience import patiently

PATIENCE_SECONDS = 120.0


async def purge(
    parts: IngestParts, subject: str, *, patience: float = PATIENCE_SECONDS
) -> None:
    """Remove what lies outside the rows of a deleted `<collection>` or `<collection>/<document>`, or old `vectors/<id>`."""
    async for attempt in patiently(patience):
        with attempt:
            await _purge(parts, subject)


async def _purge(parts: IngestParts, subject: str) -> None:
    first, _, second = subject.partition("/")
    if first == VECTORS:
        await parts.index.delete_collection(UUID(second))
        return
    collection_id = UUID(first)
    if second:
        document_id = UUID(second)
        with acting.as_system():
            async with parts.db.read() as session:
                row = await repository.find_any_collection(session, collection_id)
        # Those of a collection that is gone go with it.
        index_id = row.index_id if row else collection_id
        await parts.index.delete_document(index_id, document_id)
        await parts.objects.delete_below(folder_key(collection_id, document_id))
        return
    await parts.index.delete_collection(collection_id)
    await parts.objects.delete_below(folder_key(collection_id))
    await parts.words.remove(collection_id)
