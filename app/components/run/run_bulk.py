"""The bar of picked runs, the question before anything is done to them, and the form of a run's tags."""

from typing import Any

import reflex as rx

from app.components.run import list_strings as words
from app.components.ui.button import button
from app.components.ui.dialog import dialog, dialog_actions
from app.components.ui.form import text_field
from app.state.run_bulk import RunBulkState
from app.state.run_list import RunListState


def bulk_bar() -> rx.Component:
    """Return the box that picks all, and what can be done to what is picked."""
    count = RunListState.picked.length()
    return rx.el.div(
        rx.el.label(
            rx.el.input(
                type="checkbox",
                checked=(count > 0) & (count == RunListState.rows.length()),
                on_change=lambda is_on: RunListState.pick_all(is_on.to(bool)),
                class_name="size-4 accent-accent",
            ),
            rx.cond(count > 0, count.to(str) + words.PICKED, words.PICK_ALL),
            class_name="flex h-8 cursor-pointer items-center gap-2.5 text-sm text-muted tabular-nums",
        ),
        rx.cond(
            count > 0,
            rx.el.div(
                *[
                    button(
                        words.ACTIONS[action],
                        size="sm",
                        icon=words.ICONS[action],
                        variant="danger" if action == "delete" else "secondary",
                        on_click=RunBulkState.ask(
                            action, RunListState.picked.to(list[str])
                        ),
                    )
                    for action in words.ACTIONS
                ],
                class_name="flex flex-wrap gap-2",
            ),
        ),
        class_name="flex min-h-8 flex-wrap items-center gap-x-4 gap-y-2 ps-4",
    )


def bulk_question() -> rx.Component:
    """Ask before many runs are changed; the count and the kind of change are in the title."""
    count = RunBulkState.run_ids.length()
    runs: Any = rx.cond(count == 1, " this run", " " + count.to(str) + " runs")
    verb: Any = rx.match(RunBulkState.action, *words.VERBS.items(), "")
    asked = verb.to(str) + runs.to(str)
    return dialog(
        asked + "?",
        rx.el.p(
            rx.match(RunBulkState.action, *words.TEXTS.items(), ""),
            class_name="text-muted",
        ),
        dialog_actions(
            button(words.CANCEL, on_click=RunBulkState.keep, auto_focus=True),
            rx.match(
                RunBulkState.action,
                ("delete", _confirm(asked, "danger")),
                ("stop", _confirm(asked, "danger")),
                _confirm(asked, "primary"),
            ),
        ),
        is_open=RunBulkState.action != "",
        on_close=RunBulkState.keep,
    )


def tags_form() -> rx.Component:
    """Edit the tags of one run."""
    return dialog(
        words.TAGS_TITLE,
        rx.el.form(
            text_field(
                "tags",
                words.TAGS_LABEL,
                hint=words.TAGS_HINT,
                error=RunBulkState.errors["tags"],
                default_value=RunBulkState.tags,
                auto_focus=True,
                auto_complete="off",
            ),
            dialog_actions(
                button(words.CANCEL, on_click=RunBulkState.close_tags),
                button(words.SAVE, variant="primary", type="submit"),
            ),
            on_submit=RunBulkState.save_tags,
            class_name="flex flex-col gap-4",
        ),
        is_open=RunBulkState.tagged_id != "",
        on_close=RunBulkState.close_tags,
    )


def _confirm(text: Any, variant: Any) -> rx.Component:
    return button(text, variant=variant, on_click=RunBulkState.act)
