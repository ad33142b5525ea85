"""The tags of a run: each leads to the runs that have it, and can be taken away; more can be added."""

from typing import Any

import reflex as rx

from app.components.run import strings as words
from app.components.ui.form import CONTROL, field_error
from app.state.run_feed import RunFeedState
from app.state.run_tags import FIELD, RunTagsState


def run_tags() -> rx.Component:
    """Return the tags of the run that is shown."""
    run: Any = RunFeedState.run
    return rx.el.section(
        rx.el.h2(words.TAGS, class_name="mb-2 text-base font-semibold"),
        rx.cond(
            run.tags.length() > 0,
            rx.el.ul(
                rx.foreach(run.tags, _tag),
                aria_label=words.TAGS,
                class_name="mb-2 flex flex-wrap gap-1.5",
            ),
        ),
        rx.el.form(
            rx.el.input(
                type="hidden",
                name="run_id",
                value=RunFeedState.current_run_id,
                read_only=True,
            ),
            rx.el.input(
                id=FIELD,
                name=FIELD,
                placeholder=words.ADD_TAG,
                aria_label=words.ADD_TAG,
                aria_describedby=f"{FIELD}-error",
                aria_invalid=rx.cond(
                    RunTagsState.errors.contains(FIELD), "true", "false"
                ),
                auto_complete="off",
                class_name=f"{CONTROL} h-8 text-sm",
            ),
            field_error(FIELD, RunTagsState.errors[FIELD]),
            on_submit=RunTagsState.add,
            reset_on_submit=False,
            class_name="flex flex-col gap-1.5",
        ),
    )


def _tag(tag: Any) -> rx.Component:
    return rx.el.li(
        rx.el.a(
            tag.text,
            href=tag.path,
            title=words.SAME_TAG,
            class_name="min-w-0 truncate rounded-full py-0.5 ps-2.5 hover:text-accent",
        ),
        rx.el.button(
            rx.icon("x", size=12, aria_hidden="true"),
            type="button",
            aria_label=words.REMOVE_TAG + tag.text,
            on_click=RunTagsState.remove(RunFeedState.current_run_id, tag.text),
            class_name="inline-flex size-6 shrink-0 items-center justify-center rounded-full text-muted hover:text-ink",
        ),
        key=tag.text,
        class_name="inline-flex max-w-full items-center rounded-full bg-sunken text-xs",
    )
