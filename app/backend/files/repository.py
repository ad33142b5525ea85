"""Queries of files."""

from uuid import UUID

from sqlmodel import col

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.files.tables import FileRow


async def find_file(session: Session, actor: Actor, file_id: UUID) -> FileRow | None:
    """Return the file, if it is the actor's."""
    query = visible_to(actor, FileRow).where(col(FileRow.id) == file_id)
    return (await session.exec(query)).first()
