"""One collection: upload, documents on their way, and a search to try."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.knowledge import strings as words
from app.components.knowledge.collection_form import collection_form
from app.components.knowledge.documents import document_table
from app.components.knowledge.search_box import search_box
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.sharing import strings as sharing_words
from app.components.sharing.badges import share_badges
from app.components.sharing.dialog import sharing_dialog
from app.components.ui.button import button
from app.components.ui.card import section
from app.components.ui.counted import counted
from app.components.ui.dialog import confirm
from app.components.ui.empty import empty
from app.components.ui.menu import menu, menu_item
from app.components.ui.missing import missing
from app.components.ui.skeleton import skeleton_rows
from app.components.widgets.clock import pulse
from app.components.widgets.file_drop import file_drop
from app.pages._page import page
from app.state.collection import CollectionState
from app.state.knowledge_search import KnowledgeSearchState
from app.state.sharing import SharingState

_BUSY_SECONDS = 0.7
_MENU = "collection-menu"


@page(
    routes.COLLECTION,
    words.KNOWLEDGE,
    permission=Permission.VIEW_KNOWLEDGE,
    on_load=[CollectionState.load, KnowledgeSearchState.load],
    on_leave=[CollectionState.leave, KnowledgeSearchState.leave, SharingState.close],
)
def collection() -> rx.Component:
    return shell(
        rx.cond(
            CollectionState.is_missing, _missing(), _collection(CollectionState.shown)
        ),
        here=routes.KNOWLEDGE,
    )


def _missing() -> rx.Component:
    return missing(
        words.KNOWLEDGE,
        icon="book_open",
        title=sharing_words.COLLECTION_GONE,
        text=sharing_words.COLLECTION_GONE_TEXT,
        back=sharing_words.TO_COLLECTIONS,
        href=routes.KNOWLEDGE,
    )


def _collection(shown: Any) -> rx.Component:
    return rx.fragment(
        page_head(
            rx.cond(shown.id != "", shown.name, words.KNOWLEDGE),
            crumbs=[(words.KNOWLEDGE, routes.KNOWLEDGE)],
            description=_facts(shown),
            actions=_actions(shown),
        ),
        rx.el.div(
            rx.cond(shown.can_edit, _drop(shown)),
            section(
                words.DOCUMENTS,
                rx.cond(
                    CollectionState.is_loading,
                    skeleton_rows(3),
                    rx.cond(
                        CollectionState.rows.length() > 0,
                        rx.fragment(
                            document_table(),
                            rx.cond(
                                CollectionState.has_more,
                                button(
                                    words.MORE,
                                    on_click=CollectionState.load_more,
                                    class_name="mt-4",
                                ),
                            ),
                        ),
                        empty(
                            "file_text",
                            words.NO_DOCUMENTS,
                            rx.cond(
                                shown.can_edit,
                                words.NO_DOCUMENTS_TEXT,
                                words.NO_DOCUMENTS_OF_OTHERS,
                            ),
                        ),
                    ),
                ),
            ),
            search_box(),
            class_name="flex flex-col gap-8",
        ),
        pulse(
            seconds=rx.cond(CollectionState.is_busy, _BUSY_SECONDS, 0.0),
            on_pulse=CollectionState.refresh,
        ),
        _dialogs(shown),
        sharing_dialog(),
    )


def _facts(shown: Any) -> rx.Component:
    return rx.fragment(
        rx.cond(shown.description != "", rx.el.span(shown.description, " · ")),
        rx.el.span(
            counted(shown.documents, "document"),
            " · ",
            counted(shown.chunks, "passage"),
            " · ",
            shown.size,
            class_name="tabular-nums",
        ),
        rx.el.div(
            share_badges(shown), class_name="mt-2 flex flex-wrap gap-1.5 empty:hidden"
        ),
    )


def _actions(shown: Any) -> rx.Component:
    return rx.fragment(
        rx.cond(
            (shown.id != "") & shown.is_own,
            button(
                sharing_words.SHARE,
                icon="users",
                on_click=SharingState.open_collection(shown.id, shown.name),
            ),
        ),
        rx.cond(shown.can_edit, _menu(shown)),
    )


def _menu(shown: Any) -> rx.Component:
    return menu(
        _MENU,
        menu_item(_MENU, "pencil", words.EDIT, on_click=CollectionState.open_form),
        rx.cond(
            shown.is_own,
            menu_item(
                _MENU,
                "trash_2",
                words.DELETE + "…",
                is_dangerous=True,
                on_click=CollectionState.ask_delete("", shown.name),
            ),
        ),
        label="Actions for this collection",
    )


def _drop(shown: Any) -> rx.Component:
    return file_drop(
        url=routes.upload_path(shown.id),
        accept=words.ACCEPT,
        # None of the limits is known before the collection is.
        bytes_max=rx.cond(shown.id != "", CollectionState.bytes_max, 0),
        words={
            **words.DROP_WORDS,
            "limits": words.LIMITS + CollectionState.size_max + words.LIMITS_END,
            "too_big": words.TOO_BIG + CollectionState.size_max + words.TOO_BIG_END,
        },
        on_taken=CollectionState.refresh,
    )


def _dialogs(shown: Any) -> rx.Component:
    return rx.fragment(
        collection_form(
            words.EDIT,
            values=shown,
            state=CollectionState,
            verb=words.SAVE,
            is_open=CollectionState.is_editing,
            on_submit=CollectionState.save,
        ),
        confirm(
            words.DELETE_TITLE + CollectionState.doomed_name + "?",
            words.DELETE_TEXT,
            verb=words.DELETE,
            is_open=CollectionState.doomed != "",
            on_confirm=CollectionState.delete,
            on_close=CollectionState.keep,
        ),
    )
