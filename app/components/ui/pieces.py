"""Text in pieces, each with its look; nothing in it is run or fetched."""

from typing import Any

import reflex as rx


def pieces(rows: Any) -> Any:
    """Return the pieces one after another."""
    return rx.foreach(rows, _piece)


def _piece(piece: Any) -> rx.Component:
    return rx.fragment(
        rx.match(
            piece.look,
            (
                "heading",
                rx.el.strong(piece.text, class_name="text-lg font-semibold text-ink"),
            ),
            ("em", rx.el.em(piece.text)),
            ("bar", rx.el.span(piece.text, class_name="px-1 text-faint")),
            ("strong", rx.el.strong(piece.text, class_name="font-semibold")),
            ("code", rx.el.code(piece.text, class_name="font-mono text-[0.9em]")),
            rx.el.span(piece.text),
        )
    )
