"""Notes that agents keep for their owner: a name and a text."""

from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.db import Session, savepoint
from app.backend.core.errors import Conflict, NotFound
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.tools import repository
from app.backend.tools.schemas import NOTE_LENGTH_MAX, NoteDraft, NoteView
from app.backend.tools.tables import NoteRow


async def put_note(
    session: Session, actor: Actor, *, name: str, text: str, effect_key: str = ""
) -> NoteView:
    """Make a note say `text`; the same `effect_key` twice in a row writes once."""
    row = await _need_note(session, actor, name)
    if not effect_key or row.effect_key != effect_key:
        await _write(session, row, text, effect_key)
    return NoteView.model_validate(row)


async def append_note(
    session: Session, actor: Actor, *, name: str, line: str, effect_key: str = ""
) -> NoteView:
    """Add a line to a note; the same `effect_key` twice in a row adds it once.

    Raises:
        Conflict: the note would be too long.
    """
    row = await _need_note(session, actor, name)
    if not effect_key or row.effect_key != effect_key:
        text = f"{row.text}\n{line}" if row.text else line
        if len(text) > NOTE_LENGTH_MAX:
            message = f"The note {name!r} is full: {NOTE_LENGTH_MAX:,} characters are allowed. Begin another one."
            raise Conflict(message)
        await _write(session, row, text, effect_key)
    return NoteView.model_validate(row)


async def find_note(session: Session, actor: Actor, *, name: str) -> NoteView | None:
    """Return the note of that name, or None."""
    row = await repository.find_note(session, actor, name)
    return NoteView.model_validate(row) if row else None


async def list_notes(
    session: Session,
    actor: Actor,
    *,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page[NoteView]:
    """Return a page of notes, newest first."""
    rows = await repository.list_notes(
        session, actor, after=parse_cursor(cursor), limit=limit + 1
    )
    return to_page([NoteView.model_validate(row) for row in rows], limit)


async def get_note(session: Session, actor: Actor, *, note_id: UUID) -> NoteView:
    """Return a note.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    row = await repository.get_note(session, actor, note_id)
    if row is None:
        raise NotFound("note", note_id)
    return NoteView.model_validate(row)


async def update_note(
    session: Session, actor: Actor, *, note_id: UUID, draft: NoteDraft
) -> NoteView:
    """Make a note say what a person wrote.

    Raises:
        NotFound: there is none, or it is somebody else's.
        Conflict: it has changed since the person read it.
    """
    row = await _need_own(session, actor, note_id)
    if draft.updated_at is not None and draft.updated_at != row.updated_at:
        message = "This note has changed since you opened it, perhaps by an agent. Copy your text, and open the note again."
        raise Conflict(message)
    # A tool call that is repeated finds that it was done, and does not write over it.
    await _write(session, row, draft.text, row.effect_key)
    return NoteView.model_validate(row)


async def delete_note(session: Session, actor: Actor, *, note_id: UUID) -> None:
    """Delete a note for ever.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    await session.delete(await _need_own(session, actor, note_id))


async def _need_own(session: Session, actor: Actor, note_id: UUID) -> NoteRow:
    row = await repository.get_note(session, actor, note_id, is_locked=True)
    if row is None:
        raise NotFound("note", note_id)
    return row


async def _need_note(session: Session, actor: Actor, name: str) -> NoteRow:
    row = await repository.find_note(session, actor, name, is_locked=True)
    if row is not None:
        return row
    row = NoteRow(owner_id=actor.user_id, name=name, text="")
    try:
        async with savepoint(session):
            session.add(row)
    except IntegrityError:
        # Another run made it at the same moment.
        found = await repository.find_note(session, actor, name, is_locked=True)
        if found is None:
            raise
        return found
    return row


async def _write(session: Session, row: NoteRow, text: str, effect_key: str) -> None:
    row.text, row.effect_key, row.updated_at = text, effect_key, clock.now()
    session.add(row)
    await session.flush()
