"""The sources of an answer, and the passage behind one in its document."""

from typing import Any

import reflex as rx

from app import routes
from app.components.run import strings as words
from app.components.sharing import strings as sharing_words
from app.components.ui.button import button, icon_button
from app.components.ui.pieces import pieces
from app.components.ui.skeleton import skeleton
from app.components.widgets.page import modal
from app.state.passage import PassageState

_SHEET = (
    "my-0 ms-auto me-0 h-dvh max-h-dvh w-[min(34rem,100vw)] max-w-none overflow-y-auto border-s border-line bg-raised p-0 "
    "text-ink shadow-pop"
)


def source_list(sources: Any, label: str) -> rx.Component:
    """Return passages as a list; each opens in its document."""
    return rx.el.div(
        rx.el.p(label, class_name="mb-1.5 text-xs font-medium text-muted"),
        rx.el.ol(
            rx.foreach(sources, _source), class_name="grid gap-1.5 sm:grid-cols-2"
        ),
    )


def passage_panel() -> rx.Component:
    """Return the panel at the side; it closes on Escape and on a click outside."""
    return modal(
        rx.el.div(
            rx.el.div(
                rx.el.div(
                    rx.el.h2(
                        PassageState.name,
                        class_name="text-base font-semibold break-words",
                    ),
                    _facts(),
                    class_name="min-w-0",
                ),
                icon_button("x", words.CLOSE, on_click=PassageState.close),
                class_name="sticky top-0 z-10 flex items-start justify-between gap-3 border-b border-line bg-raised px-5 py-3.5",
            ),
            rx.el.div(_text(), class_name="flex-1 px-5 py-4"),
            rx.el.div(
                rx.cond(
                    PassageState.is_alone,
                    rx.el.p(
                        sharing_words.PASSAGE_ONLY, class_name="text-sm text-muted"
                    ),
                    button(
                        words.OPEN_DOCUMENT,
                        icon="file_text",
                        href=routes.document_path(
                            PassageState.document_id, PassageState.chunk_id
                        ),
                    ),
                ),
                class_name="sticky bottom-0 border-t border-line bg-raised px-5 py-3",
            ),
            class_name="flex min-h-full flex-col",
        ),
        open=PassageState.is_open,
        label=words.PASSAGE,
        on_close=PassageState.close,
        class_name=_SHEET,
    )


def _source(source: Any) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.span(
                source.n,
                aria_hidden="true",
                class_name="flex size-6 shrink-0 items-center justify-center rounded-md bg-accent-soft text-xs font-medium text-accent tabular-nums",
            ),
            rx.el.span(
                rx.el.span(
                    rx.el.span(source.document_name, class_name="truncate font-medium"),
                    rx.cond(
                        source.page > 0,
                        rx.el.span(
                            words.PAGE,
                            source.page,
                            class_name="shrink-0 text-xs text-muted",
                        ),
                    ),
                    class_name="flex min-w-0 items-baseline gap-2",
                ),
                rx.el.span(
                    source.text,
                    class_name="line-clamp-3 text-xs break-words whitespace-pre-line text-muted",
                ),
                class_name="min-w-0 flex-1",
            ),
            rx.el.span(
                source.score,
                title=words.SCORE_ABOUT,
                class_name="shrink-0 text-xs text-faint tabular-nums",
            ),
            type="button",
            on_click=PassageState.open(source.chunk_id, source.n),
            class_name="flex w-full min-w-0 items-start gap-2.5 rounded-lg border border-line p-2.5 text-start text-sm "
            "transition-colors duration-100 hover:border-accent hover:bg-accent-soft/50",
        ),
        key=source.chunk_id,
        class_name="min-w-0",
    )


def _facts() -> rx.Component:
    return rx.el.p(
        rx.cond(
            PassageState.number > 0,
            rx.el.span(
                "[",
                PassageState.number,
                "]",
                class_name="rounded-md bg-accent-soft px-1.5 text-xs font-medium text-accent",
            ),
        ),
        rx.cond(PassageState.page > 0, rx.el.span(words.PAGE, PassageState.page)),
        rx.cond(
            PassageState.score != "",
            rx.el.span(words.SCORE, PassageState.score, title=words.SCORE_ABOUT),
        ),
        rx.cond(PassageState.heading != "", rx.el.span(PassageState.heading)),
        class_name="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-xs text-muted",
    )


def _text() -> rx.Component:
    return rx.el.div(
        rx.cond(
            PassageState.is_loading,
            skeleton("mb-3 h-16 w-full"),
            rx.el.span(pieces(PassageState.before), class_name="text-muted"),
        ),
        rx.el.mark(
            pieces(PassageState.text), id="passage", class_name="box-decoration-clone"
        ),
        rx.cond(
            PassageState.is_loading,
            skeleton("mt-3 h-16 w-full"),
            rx.el.span(pieces(PassageState.after), class_name="text-muted"),
        ),
        class_name="text-sm leading-6 break-words whitespace-pre-wrap",
    )
