"""One document: its text, with the passage that was cited or found standing out."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.knowledge import strings as words
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.sharing import strings as sharing_words
from app.components.ui.banner import banner
from app.components.ui.button import button
from app.components.ui.card import SURFACE
from app.components.ui.empty import empty
from app.components.ui.missing import missing
from app.components.ui.pieces import pieces
from app.components.ui.skeleton import skeleton
from app.components.widgets.page import reveal
from app.pages._page import page
from app.state.document import DocumentState


@page(
    routes.DOCUMENT,
    words.DOCUMENT,
    permission=Permission.VIEW_KNOWLEDGE,
    on_load=[DocumentState.load],
    on_leave=[DocumentState.leave],
)
def document() -> rx.Component:
    return shell(
        rx.cond(DocumentState.is_missing, _missing(), _document()),
        here=routes.KNOWLEDGE,
        width="narrow",
    )


def _missing() -> rx.Component:
    return missing(
        words.DOCUMENT,
        icon="file_text",
        title=words.MISSING_DOCUMENT,
        text=words.MISSING_DOCUMENT_TEXT,
        back=sharing_words.TO_COLLECTIONS,
        href=routes.KNOWLEDGE,
    )


def _document() -> rx.Component:
    shown = DocumentState.shown
    back = routes.collection_path(DocumentState.collection)
    return rx.fragment(
        page_head(
            rx.cond(shown.name != "", shown.name, words.DOCUMENT),
            crumbs=[
                (words.KNOWLEDGE, routes.KNOWLEDGE),
                (DocumentState.collection_name, back),
            ],
            description=rx.cond(
                DocumentState.place != "", words.PASSAGE + DocumentState.place, ""
            ),
            actions=rx.cond(
                shown.id != "",
                rx.el.a(
                    rx.icon("download", size=16, aria_hidden="true"),
                    words.DOWNLOAD,
                    href=routes.document_file_path(shown.id),
                    target="_blank",
                    rel="noopener",
                    class_name="inline-flex h-9 items-center gap-1.5 rounded-lg border border-line-strong bg-surface px-3.5 text-sm font-medium hover:bg-sunken",
                ),
            ),
        ),
        rx.cond(
            DocumentState.lacks_passage,
            banner(words.PASSAGE_GONE, words.PASSAGE_GONE_TEXT),
        ),
        rx.cond(
            DocumentState.is_loading,
            rx.el.div(
                *[
                    skeleton(f"h-4 {width}")
                    for width in (
                        "w-full",
                        "w-11/12",
                        "w-full",
                        "w-4/5",
                        "w-full",
                        "w-2/3",
                    )
                ],
                class_name=f"{SURFACE} flex flex-col gap-3 p-6",
            ),
            rx.cond(
                DocumentState.passage.length() > 0,
                _text(),
                empty(
                    "file_clock",
                    words.NOT_READY,
                    rx.cond(shown.error != "", shown.error, words.NOT_READY_TEXT),
                    button(words.BACK, href=back),
                ),
            ),
        ),
    )


def _text() -> rx.Component:
    return rx.el.article(
        rx.cond(DocumentState.has_before, _ellipsis()),
        rx.el.span(pieces(DocumentState.before), class_name="text-muted"),
        reveal(pieces(DocumentState.passage), key=DocumentState.place),
        rx.el.span(pieces(DocumentState.after), class_name="text-muted"),
        rx.cond(DocumentState.has_after, _ellipsis()),
        rx.el.nav(
            _step(words.PREVIOUS, "arrow_up", DocumentState.previous_chunk),
            _step(words.NEXT, "arrow_down", DocumentState.next_chunk),
            aria_label="Passages",
            class_name="sticky bottom-16 mt-6 flex justify-end gap-2 font-sans md:bottom-4",
        ),
        class_name=f"{SURFACE} px-5 py-5 text-base leading-relaxed break-words whitespace-pre-wrap sm:px-8 sm:py-7",
    )


def _step(text: str, icon: str, chunk: Any) -> rx.Component:
    return rx.cond(
        chunk != "",
        button(
            text,
            icon=icon,
            size="sm",
            href=routes.document_path(DocumentState.shown.id, chunk),
            class_name="bg-raised shadow-pop",
        ),
    )


def _ellipsis() -> rx.Component:
    return rx.el.span("…", class_name="text-faint")
