"""Notes that the agents of the signed-in user keep: read, changed and deleted by hand."""

from typing import Any

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app.backend.core.actor import Permission
from app.backend.tools import notes
from app.backend.tools.schemas import NoteDraft, NoteView
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.lines import Line, iso
from app.state.paging import PAGE_SIZE, ROWS_MAX, PagingMixin, length_again

_SHOWN = 200


class NoteLine(Line):
    """A note in the list."""

    name: str
    beginning: str
    updated_at: str


class OpenNote(BaseModel):
    """The note in the form; empty while none is open."""

    model_config = ConfigDict(frozen=True)

    id: str = ""
    name: str = ""
    text: str = ""
    updated_at: str = ""


_NONE = OpenNote()


class NoteListState(PagingMixin, FormMixin, rx.State):
    """A page of notes, newest first, and the form of one."""

    rows: rx.Field[list[NoteLine]] = rx.field(default_factory=list)
    opened: rx.Field[OpenNote] = rx.field(default_factory=OpenNote)
    is_doomed: rx.Field[bool] = rx.field(False)

    @rx.event
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def load(self) -> None:
        """Show the first page, or as many as are shown."""
        await self._show(length_again(self.rows))

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Close the form."""
        self._close()

    @rx.event
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def load_more(self) -> None:
        """Show more notes."""
        await self._show(min(len(self.rows) + PAGE_SIZE, ROWS_MAX))

    @rx.event
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def open(self, note_id: str) -> None:
        """Show a whole note."""
        wanted = edge.parse_id(note_id, "note")
        async with edge.read(self) as (session, actor):
            note = await notes.get_note(session, actor, note_id=wanted)
        self._clear_errors()
        self.opened = OpenNote(
            id=str(note.id),
            name=note.name,
            text=note.text,
            updated_at=note.updated_at.isoformat(),
        )

    @rx.event
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def close(self) -> None:
        """Leave the note as it is."""
        self._close()

    @rx.event
    @edge.requires(Permission.CHANGE_KNOWLEDGE)
    async def save(self, form: dict[str, Any]) -> Any:
        """Change what the note says."""
        self._clear_errors()
        seen = self.opened.updated_at or None
        draft = NoteDraft.model_validate(
            {"text": form.get("text", ""), "updated_at": seen}
        )
        wanted = edge.parse_id(self.opened.id, "note")
        async with edge.work(self) as (session, actor):
            await notes.update_note(session, actor, note_id=wanted, draft=draft)
        self._close()
        await self._show(length_again(self.rows))
        return notices.done("The note is saved.")

    @rx.event
    @edge.requires(Permission.DELETE_KNOWLEDGE)
    async def ask_delete(self) -> None:
        """Ask before the note is gone."""
        self.is_doomed = True

    @rx.event
    @edge.requires(Permission.DELETE_KNOWLEDGE)
    async def delete(self) -> Any:
        """Delete the note for ever."""
        wanted = edge.parse_id(self.opened.id, "note")
        async with edge.work(self) as (session, actor):
            await notes.delete_note(session, actor, note_id=wanted)
        self._close()
        await self._show(length_again(self.rows))
        return notices.done("The note is deleted.")

    def _close(self) -> None:
        self._clear_errors()
        self.opened, self.is_doomed = _NONE, False

    async def _show(self, limit: int) -> None:
        async with edge.read(self) as (session, actor):
            page = await notes.list_notes(session, actor, limit=limit)
        self.rows = [_line(note) for note in page.items]
        self._note_page(page.next_cursor, len(self.rows))


def _line(note: NoteView) -> NoteLine:
    return NoteLine(
        id=str(note.id),
        name=note.name,
        beginning=note.text[:_SHOWN],
        updated_at=iso(note.updated_at),
    )
