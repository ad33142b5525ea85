"""Notes that agents keep: a list, and a form that shows, changes and deletes one."""

from typing import Any

import reflex as rx

from app.components.knowledge import strings as words
from app.components.ui.button import button
from app.components.ui.card import SURFACE, section
from app.components.ui.dialog import confirm, dialog
from app.components.ui.form import area_field
from app.components.widgets.clock import time_ago
from app.state.note_list import NoteListState
from app.state.session import SessionState


def notes() -> rx.Component:
    """Return the notes, when there are some."""
    note: Any = NoteListState.opened
    return rx.cond(
        NoteListState.rows.length() > 0,
        section(
            words.NOTES,
            rx.el.ul(
                rx.foreach(NoteListState.rows, _note),
                aria_label=words.NOTES,
                class_name=f"{SURFACE} divide-y divide-line overflow-hidden",
            ),
            rx.cond(
                NoteListState.has_more,
                button(words.MORE, on_click=NoteListState.load_more, class_name="mt-4"),
            ),
            _form(),
            confirm(
                words.DELETE_TITLE + note.name + "?",
                words.NOTE_DELETE_TEXT,
                verb=words.DELETE,
                is_open=NoteListState.is_doomed,
                on_confirm=NoteListState.delete,
                on_close=NoteListState.close,
            ),
            description=words.NOTES_ABOUT,
        ),
    )


def _note(note: Any) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.icon(
                "sticky_note",
                size=16,
                aria_hidden="true",
                class_name="shrink-0 text-faint",
            ),
            rx.el.span(
                rx.el.span(note.name, class_name="block truncate font-medium"),
                rx.el.span(
                    note.beginning, class_name="block truncate text-xs text-muted"
                ),
                class_name="min-w-0 flex-1 text-start",
            ),
            time_ago(
                at=note.updated_at,
                mode=SessionState.times,
                class_name="shrink-0 text-xs text-muted",
            ),
            type="button",
            on_click=NoteListState.open(note.id),
            class_name="flex w-full items-center gap-3 px-4 py-2.5 text-sm -outline-offset-2 hover:bg-sunken",
        ),
        key=note.id,
    )


def _form() -> rx.Component:
    note: Any = NoteListState.opened
    return dialog(
        note.name,
        rx.el.form(
            area_field(
                "text",
                words.NOTE_TEXT,
                default_value=note.text,
                key=note.id,
                error=NoteListState.errors["text"],
                rows="12",
            ),
            rx.el.div(
                button(
                    words.DELETE, variant="danger", on_click=NoteListState.ask_delete
                ),
                rx.el.span(class_name="flex-1"),
                button(words.CANCEL, on_click=NoteListState.close),
                button(words.SAVE, type="submit", variant="primary"),
                class_name="flex flex-wrap gap-2",
            ),
            on_submit=NoteListState.save,
            no_validate=True,
            class_name="flex flex-col gap-4",
        ),
        is_open=(note.id != "") & ~NoteListState.is_doomed,
        on_close=NoteListState.close,
        width="40rem",
    )
