"""Trying a search in a collection."""

from typing import Any

import reflex as rx

from app import routes
from app.components.knowledge import strings as words
from app.components.run import strings as run_words
from app.components.ui.button import button, text_link
from app.components.ui.card import SURFACE, section
from app.components.ui.counted import counted
from app.components.ui.form import search_field
from app.components.ui.skeleton import skeleton_rows
from app.state.knowledge_search import KnowledgeSearchState


def search_box() -> rx.Component:
    """Return the box and, under it, what the last search found."""
    return section(
        words.SEARCH,
        rx.el.form(
            search_field(words.SEARCH_LABEL, name="query"),
            button(words.FIND, type="submit"),
            on_submit=KnowledgeSearchState.search,
            role="search",
            class_name="flex gap-2",
        ),
        rx.el.div(
            rx.cond(
                KnowledgeSearchState.is_searching,
                skeleton_rows(3, "h-24"),
                rx.cond(
                    KnowledgeSearchState.query != "",
                    rx.fragment(
                        rx.foreach(KnowledgeSearchState.notes, _note), _results()
                    ),
                ),
            ),
            class_name="mt-3 empty:hidden",
        ),
        description=words.SEARCH_ABOUT,
    )


def _results() -> rx.Component:
    return rx.cond(
        KnowledgeSearchState.found.length() > 0,
        rx.el.div(
            rx.el.p(
                rx.cond(
                    KnowledgeSearchState.is_relevant,
                    counted(KnowledgeSearchState.found.length(), "passage")
                    + " in "
                    + KnowledgeSearchState.milliseconds.to(str)
                    + " ms",
                    words.NOTHING_RELEVANT,
                ),
                role="status",
                class_name="mb-2 text-sm text-muted",
            ),
            rx.el.ol(
                rx.foreach(KnowledgeSearchState.found, _found),
                class_name="flex flex-col gap-2",
            ),
        ),
        rx.el.p(words.NOTHING_FOUND, role="status", class_name="text-sm text-muted"),
    )


def _note(text: Any) -> rx.Component:
    return rx.el.p(
        text,
        role="status",
        key=text,
        class_name="mb-2 rounded-lg bg-warn-soft px-3 py-2 text-sm text-warn",
    )


def _found(passage: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.span(
                passage.document_name, class_name="min-w-0 truncate text-sm font-medium"
            ),
            rx.el.span(passage.place, class_name="shrink-0 text-xs text-muted"),
            rx.el.span(
                run_words.SCORE,
                passage.score,
                title=run_words.SCORE_ABOUT,
                class_name="ms-auto shrink-0 text-xs text-muted tabular-nums",
            ),
            class_name="flex items-baseline gap-2",
        ),
        rx.el.p(
            passage.text,
            class_name="mt-1 line-clamp-4 text-sm whitespace-pre-line text-muted",
        ),
        text_link(
            words.OPEN,
            href=routes.document_path(passage.document_id, passage.chunk_id),
            class_name="mt-1.5 inline-block text-sm",
        ),
        key=passage.chunk_id,
        class_name=f"{SURFACE} px-4 py-3",
    )
