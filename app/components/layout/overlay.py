"""What lies over every page: notices, and the word that the connection is lost."""

from typing import Any

import reflex as rx
from reflex_components_core.core.banner import has_connection_errors

from app.components.run import strings as run_words
from app.components.ui.notice import notice, notice_stack
from app.components.widgets.event_log import connection
from app.state.notices import NoticesState


def overlay() -> rx.Component:
    """Return the layer above the page; a fragment, since Reflex puts the page inside it."""
    return rx.fragment(
        notice_stack(NoticesState.rows, _notice),
        connection(is_down=has_connection_errors, words=run_words.CONNECTION),
    )


def _notice(row: Any) -> rx.Component:
    return notice(
        row, on_undo=NoticesState.undo(row.id), on_close=NoticesState.dismiss(row.id)
    )
