"""Notices of one tab, shown in a corner: what was done, with Undo, or what failed.

They are plain state because a toast asked for by the back end is evaluated as code in the browser, which our
content security policy forbids.
"""

from enum import StrEnum
from typing import Any

import reflex as rx
from pydantic import BaseModel, ConfigDict

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

    id: str
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

    @rx.event
    async def show(
        self,
        kind: str,
        text: str,
        error_id: str = "",
        undo: str = "",
        subject_id: str = "",
    ) -> None:  # lint-skip: state-guard
        """Add a notice."""
        notice = Notice(
            id=str(ids.new_id()),
            kind=Kind(kind),
            text=text,
            error_id=error_id,
            undo=undo,
            subject_id=subject_id,
        )
        self.rows = [*self.rows, notice][-SHOWN_MAX:]

    @rx.event
    async def dismiss(self, notice_id: str) -> None:  # lint-skip: state-guard
        """Take a notice away."""
        self.rows = [row for row in self.rows if row.id != notice_id]

    @rx.event
    async def undo(self, notice_id: str) -> Any:  # lint-skip: state-guard
        """Undo what the notice tells of."""
        notice = next((row for row in self.rows if row.id == notice_id), None)
        self.rows = [row for row in self.rows if row.id != notice_id]
        return (
            _undo_events[notice.undo](notice.subject_id)
            if notice and notice.undo in _undo_events
            else None
        )


def done(text: str, *, undo: str = "", subject_id: object = "") -> Any:
    """Return the event that says what was done, and offers Undo when `undo` names a registered one."""
    return NoticesState.show(Kind.DONE, text, "", undo, str(subject_id))


def failed(text: str) -> Any:
    """Return the event that says what failed and what to do."""
    return NoticesState.show(Kind.ERROR, text)
