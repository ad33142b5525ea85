"""Modal dialogs, and the question before something that cannot be undone."""

from typing import Any

import reflex as rx

from app.components.ui.button import button
from app.components.widgets.page import modal


def dialog(
    title: Any, *children: Any, is_open: Any, on_close: Any, width: str = "28rem"
) -> rx.Component:
    """Return a modal that closes on Escape and on a click outside."""
    return modal(
        rx.el.div(
            rx.el.h2(
                title, class_name="text-lg font-semibold [overflow-wrap:anywhere]"
            ),
            *children,
            class_name="flex flex-col gap-4 p-5",
        ),
        open=is_open,
        label=title,
        on_close=on_close,
        class_name=f"m-auto w-[min({width},calc(100vw-2rem))] max-h-[calc(100dvh-4rem)] scroll-pb-20 overflow-y-auto rounded-xl border border-line bg-raised p-0 text-ink shadow-pop",
    )


def dialog_actions(*children: Any) -> rx.Component:
    """Return the row of buttons at a dialog's end, which stays in sight when the dialog is longer than the window."""
    return rx.el.div(
        *children,
        class_name="sticky bottom-0 -mx-5 -mt-3 -mb-5 flex flex-wrap justify-end gap-2 bg-raised px-5 pt-3 pb-5",
    )


def confirm(
    title: Any, text: Any, *, verb: Any, is_open: Any, on_confirm: Any, on_close: Any
) -> rx.Component:
    """Ask before something irreversible; `verb` is what the button does."""
    return dialog(
        title,
        rx.el.p(text, class_name="text-muted"),
        dialog_actions(
            button("Cancel", on_click=on_close, auto_focus=True),
            button(verb, variant="danger", on_click=on_confirm),
        ),
        is_open=is_open,
        on_close=on_close,
    )
