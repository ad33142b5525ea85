"""The model files on this machine."""

from typing import Any

import reflex as rx

from app.components.models import strings as words
from app.components.ui.badge import badge
from app.components.ui.button import button
from app.components.ui.card import SURFACE, section
from app.components.ui.dialog import confirm, dialog, dialog_actions
from app.components.ui.form import form_error, text_field
from app.components.ui.menu import menu, menu_item
from app.components.ui.progress import progress
from app.state.local_files import LocalFilesState
from app.state.model_list import ModelListState
from app.state.session import SessionState

_state = LocalFilesState


def on_disk() -> rx.Component:
    """Return each file with what is known of it; administrators add and take out."""
    return section(
        words.ON_DISK,
        rx.el.ul(
            rx.foreach(ModelListState.local, _file),
            aria_label=words.ON_DISK,
            class_name=f"{SURFACE} divide-y divide-line",
        ),
        rx.cond((_state.status != "") & ~_state.is_open, _under_way()),
        _form(),
        confirm(
            words.TAKE_OUT + _state.doomed + "?",
            rx.cond(_state.is_fetched, words.TAKE_OUT_FETCHED, words.TAKE_OUT_PATH),
            verb=words.DELETE,
            is_open=_state.doomed != "",
            on_confirm=_state.delete,
            on_close=_state.close,
        ),
        description=words.ON_DISK_ABOUT,
        actions=rx.cond(
            SessionState.is_admin,
            button(words.ADD_FILE, icon="plus", on_click=_state.open_form),
        ),
    )


def _file(file: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(file.name, class_name="break-words text-sm font-medium"),
            rx.el.p(file.facts, class_name="break-words text-xs text-muted"),
            rx.cond(
                file.source != "",
                rx.el.p(
                    words.SOURCE,
                    file.source,
                    class_name="break-all text-xs text-muted",
                ),
            ),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(
            file.reason == "",
            rx.cond(file.speed != "", badge(file.speed, tone="ok", icon="gauge"), None),
            badge(words.NOT_LOADABLE, tone="warn", icon="circle_alert"),
        ),
        rx.cond(SessionState.is_admin, _menu(file)),
        rx.cond(
            file.reason != "",
            rx.el.p(
                file.reason,
                class_name="w-full rounded-lg bg-warn-soft px-3 py-2 text-sm break-words text-warn",
            ),
        ),
        key=file.name,
        class_name="flex flex-wrap items-start gap-x-3 gap-y-2 px-4 py-2.5",
    )


def _menu(file: Any) -> rx.Component:
    menu_id = f"file-{file.name}"
    return menu(
        menu_id,
        menu_item(menu_id, "gauge", words.MEASURE, on_click=_state.measure(file.name)),
        rx.cond(
            file.is_own,
            None,
            menu_item(
                menu_id,
                "trash_2",
                words.DELETE,
                is_dangerous=True,
                on_click=_state.ask_delete(file.name, file.source),
            ),
        ),
        label=words.ACTIONS + file.name,
    )


def _form() -> rx.Component:
    errors = _state.errors
    return dialog(
        words.ADD_FILE,
        rx.el.form(
            rx.el.p(words.ADD_FILE_ABOUT, class_name="text-sm text-muted"),
            form_error(errors["form"]),
            text_field(
                "source",
                words.FILE_SOURCE,
                hint=words.FILE_SOURCE_HINT,
                error=errors["source"],
                auto_complete="off",
                auto_focus=True,
            ),
            text_field(
                "sha256",
                words.FILE_HASH,
                hint=words.FILE_HASH_HINT,
                error=errors["sha256"],
                auto_complete="off",
                class_name="font-mono",
            ),
            text_field(
                "licence",
                words.FILE_LICENCE,
                hint=words.FILE_LICENCE_HINT,
                error=errors["licence"],
                auto_complete="off",
            ),
            rx.cond(_state.status != "", _under_way()),
            dialog_actions(
                button(
                    rx.cond(_state.status != "", words.CLOSE, words.CANCEL),
                    on_click=_state.close,
                ),
                button(
                    words.ADD,
                    type="submit",
                    variant="primary",
                    disabled=_state.status != "",
                ),
            ),
            on_submit=_state.add,
            reset_on_submit=False,
            no_validate=True,
            class_name="flex flex-col gap-4",
        ),
        is_open=_state.is_open,
        on_close=_state.close,
        width="34rem",
    )


def _under_way() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            progress(_state.status, _state.percent),
            rx.cond(
                _state.can_stop,
                rx.el.p(words.FILE_GOES_ON, class_name="text-xs text-muted"),
            ),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(
            _state.can_stop,
            button(words.STOP, icon="square", size="sm", on_click=_state.stop),
        ),
        class_name="mt-3 flex items-center gap-3 rounded-lg bg-sunken px-3 py-2",
    )
