"""Notices of one tab, shown in a corner: what was done, with Undo, or what failed.

They are plain state because a toast asked for by the back end is evaluated as code in the browser, which our
content security policy forbids.
"""

from enum import StrEnum
from typing import Any

import reflex as rx
from pydantic import BaseModel, ConfigDict, Field

from app.backend.core import ids

SHOWN_MAX = 3


class Kind(StrEnum):
    """What a notice is about."""

    DONE = "done"
    INFO = "info"
    ERROR = "error"


class Notice(BaseModel):
    """One notice; `undo` is the name of a registered undo, and `subject_id` what it is told."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(default_factory=lambda: str(ids.new_id()))
    kind: Kind
    text: str
    error_id: str = ""
    undo: str = ""
    subject_id: str = ""


_undo_events: dict[str, Any] = {}


def register_undo(name: str, handler: Any) -> None:
    """Let notices offer to undo something: `handler` is an event that takes the subject's id."""
    _undo_events[name] = handler


class NoticesState(rx.State):
    """The newest notices, at most three; errors stay until they are closed."""

    rows: rx.Field[list[Notice]] = rx.field(default_factory=list)

    # The guards stand above this module; these events touch nothing but the notices of their own tab.

    @rx.event
    async def show(self, notice: Notice) -> None:  # lint-skip: state-guard
        """Add a notice."""
        self.rows = [*self.rows, notice][-SHOWN_MAX:]

    @rx.event
    async def dismiss(self, notice_id: str) -> None:  # lint-skip: state-guard
        """Take a notice away."""
        self.rows = [row for row in self.rows if row.id != notice_id]

    @rx.event
    async def undo(self, notice_id: str) -> Any:  # lint-skip: state-guard
        """Undo what the notice tells of."""
        found = next((row for row in self.rows if row.id == notice_id), None)
        self.rows = [row for row in self.rows if row.id != notice_id]
        if found is None or found.undo not in _undo_events:
            return None
        return _undo_events[found.undo](found.subject_id)


def done(text: str, *, undo: str = "", subject_id: object = "") -> Any:
    """Return the event that says what was done, and offers Undo when `undo` names a registered one."""
    return _show(
        Notice(kind=Kind.DONE, text=text, undo=undo, subject_id=str(subject_id))
    )


def failed(text: str, *, error_id: str = "") -> Any:
    """Return the event that says what failed and what to do."""
    return _show(Notice(kind=Kind.ERROR, text=text, error_id=error_id))


def _show(notice: Notice) -> Any:
    return NoticesState.show(notice)
