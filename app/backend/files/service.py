"""Rows of uploaded files; their bytes are in the object store."""

from uuid import UUID

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import NotFound
from app.backend.files import repository
from app.backend.files.errors import StorageUsed
from app.backend.files.schemas import FileView, Upload
from app.backend.files.tables import FileRow
from app.backend.files.validation import size_words
from app.backend.identity import tiers

BYTES_PER_MB = 1024 * 1024


async def add_file(
    session: Session, actor: Actor, *, upload: Upload, object_key: str
) -> FileView:
    """Record an upload whose bytes lie under `object_key`.

    Raises:
        StorageUsed: with it the actor would have more stored than they may.
    """
    await check_room(session, actor, size=upload.size)
    row = FileRow(owner_id=actor.user_id, object_key=object_key, **upload.model_dump())
    session.add(row)
    await session.flush()
    return FileView.model_validate(row)


async def check_room(session: Session, actor: Actor, *, size: int) -> None:
    """Refuse `size` more bytes when the actor would have more stored than they may.

    Raises:
        StorageUsed: it is so.
    """
    # Held until the end of the transaction, so that two uploads cannot take the same room.
    limits = await tiers.limits_of(session, actor.user_id, is_held=True)
    if limits.storage_mb is None:
        return
    used = await count_bytes(session, actor)
    most = limits.storage_mb * BYTES_PER_MB
    if used + size > most:
        raise StorageUsed(size_words(used), size_words(most))


async def count_bytes(session: Session, actor: Actor) -> int:
    """Return how many bytes of uploads the actor has stored."""
    return await repository.count_bytes(session, actor)


async def get_file(session: Session, actor: Actor, *, file_id: UUID) -> FileView:
    """Return a file."""
    return FileView.model_validate(await _need(session, actor, file_id))


async def remove_file(session: Session, actor: Actor, *, file_id: UUID) -> None:
    """Forget a file; the caller sees to its bytes after the commit."""
    await session.delete(await _need(session, actor, file_id))
    # At once: the transaction may end on behalf of somebody else, whom PostgreSQL lets delete nothing here.
    await session.flush()


async def _need(session: Session, actor: Actor, file_id: UUID) -> FileRow:
    row = await repository.find_file(session, actor, file_id)
    if row is None:
        raise NotFound("file", file_id)
    return row
