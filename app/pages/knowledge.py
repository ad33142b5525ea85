"""The list of collections."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.backend.identity.sharing_schemas import Shown
from app.components.knowledge import strings as words
from app.components.knowledge.collection_form import collection_form
from app.components.knowledge.notes import notes
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.sharing import strings as sharing_words
from app.components.sharing.badges import share_badges
from app.components.ui.button import button
from app.components.ui.card import SURFACE
from app.components.ui.counted import counted
from app.components.ui.empty import empty
from app.components.ui.skeleton import skeleton
from app.components.ui.tabs import tabs
from app.components.widgets.clock import time_ago
from app.pages._page import page
from app.state.collection_list import CollectionListState
from app.state.note_list import NoteListState
from app.state.session import SessionState

_GRID = "grid gap-3 sm:grid-cols-2 lg:grid-cols-3"


@page(
    routes.KNOWLEDGE,
    words.KNOWLEDGE,
    permission=Permission.VIEW_KNOWLEDGE,
    on_load=[CollectionListState.load, NoteListState.load],
    on_leave=[CollectionListState.leave, NoteListState.leave],
)
def knowledge() -> rx.Component:
    return shell(
        page_head(words.KNOWLEDGE, description=words.ABOUT, actions=_new()),
        rx.el.div(_tabs(), class_name="mb-4"),
        rx.cond(
            CollectionListState.is_loading,
            rx.el.div(
                *[skeleton("h-32 rounded-xl") for _ in range(3)], class_name=_GRID
            ),
            rx.cond(
                CollectionListState.rows.length() > 0,
                rx.el.div(
                    rx.el.ul(
                        rx.foreach(CollectionListState.rows, _card), class_name=_GRID
                    ),
                    rx.cond(
                        CollectionListState.has_more,
                        button(
                            words.MORE,
                            on_click=CollectionListState.load_more,
                            class_name="mt-4",
                        ),
                    ),
                ),
                rx.cond(
                    CollectionListState.show == Shown.SHARED.value,
                    empty(
                        "users",
                        words.NOTHING_SHARED,
                        words.NOTHING_SHARED_TEXT,
                        button(words.BACK_TO_MINE, href=routes.KNOWLEDGE),
                    ),
                    empty(
                        "book_open",
                        words.NO_COLLECTIONS,
                        words.NO_COLLECTIONS_TEXT,
                        _new(),
                    ),
                ),
            ),
        ),
        rx.cond(
            CollectionListState.show == Shown.SHARED.value,
            rx.fragment(),
            rx.el.div(notes(), class_name="mt-8 empty:hidden"),
        ),
        collection_form(
            words.NEW,
            values=CollectionListState.fresh,
            state=CollectionListState,
            verb=words.CREATE,
            is_open=CollectionListState.is_adding,
            on_submit=CollectionListState.create,
        ),
        here=routes.KNOWLEDGE,
    )


def _tabs() -> rx.Component:
    is_shared = CollectionListState.show == Shown.SHARED.value
    return tabs(
        words.KNOWLEDGE,
        [
            (sharing_words.MINE, routes.KNOWLEDGE, ~is_shared),
            (
                sharing_words.SHARED,
                routes.knowledge_path(show=Shown.SHARED),
                is_shared,
            ),
        ],
    )


def _new() -> rx.Component:
    return button(
        words.NEW,
        icon="plus",
        variant="primary",
        on_click=CollectionListState.open_form,
        custom_attrs={"data-key": "n"},
    )


def _card(collection: Any) -> rx.Component:
    return rx.el.li(
        rx.el.a(
            rx.el.span(
                collection.name,
                class_name="block truncate font-medium group-hover:text-accent",
            ),
            rx.el.span(
                collection.description,
                class_name="mt-1 line-clamp-2 min-h-10 text-sm text-muted",
            ),
            rx.el.span(
                share_badges(collection),
                class_name="mt-2 flex flex-wrap gap-1.5 empty:hidden",
            ),
            rx.el.span(
                rx.el.span(counted(collection.documents, "document")),
                rx.el.span(counted(collection.chunks, "passage")),
                time_ago(
                    at=collection.updated_at,
                    mode=SessionState.times,
                    class_name="ms-auto",
                ),
                class_name="mt-3 flex flex-wrap gap-x-3 text-xs text-muted tabular-nums",
            ),
            href=routes.collection_path(collection.id),
            class_name=f"{SURFACE} group block p-4 transition-colors duration-100 hover:border-line-strong",
        ),
        key=collection.id,
        class_name="min-w-0",
    )
