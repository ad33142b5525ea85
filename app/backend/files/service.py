"""Rows of uploaded files; their bytes are in the object store."""

from uuid import UUID

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import NotFound
from app.backend.files import repository
from app.backend.files.schemas import FileView, Upload
from app.backend.files.tables import FileRow


async def add_file(
    session: Session, actor: Actor, *, upload: Upload, object_key: str
) -> FileView:
    """Record an upload whose bytes lie under `object_key`."""
    row = FileRow(owner_id=actor.user_id, object_key=object_key, **upload.model_dump())
    session.add(row)
    await session.flush()
    return FileView.model_validate(row)


async def get_file(session: Session, actor: Actor, *, file_id: UUID) -> FileView:
    """Return a file."""
    return FileView.model_validate(await _need(session, actor, file_id))


async def remove_file(session: Session, actor: Actor, *, file_id: UUID) -> None:
    """Forget a file; the caller sees to its bytes after the commit."""
    await session.delete(await _need(session, actor, file_id))


async def _need(session: Session, actor: Actor, file_id: UUID) -> FileRow:
    row = await repository.find_file(session, actor, file_id)
    if row is None:
        raise NotFound("file", file_id)
    return row
