"""Fields of the agent form, with the words and errors of its store."""

from typing import Any

import reflex as rx

from app.components.ui.card import SURFACE
from app.components.ui.form import area_field, field_error, text_field
from app.state.agent_editor import AgentEditorState


def group(title: str, about: str, *children: Any, class_name: str = "") -> rx.Component:
    """Return a part of the form under a heading."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(title, class_name="font-semibold"),
            rx.el.p(about, class_name="text-sm text-muted") if about else None,
        ),
        *children,
        class_name=f"{SURFACE} flex flex-col gap-4 p-4 sm:p-5 {class_name}",
    )


def text(name: str, label: str, value: Any, **props: Any) -> rx.Component:
    """Return a field of one line."""
    return text_field(
        name, label, default_value=value, error=AgentEditorState.errors[name], **props
    )


def area(
    name: str,
    label: str,
    value: Any,
    *,
    rows: int,
    is_label_hidden: bool = False,
    **props: Any,
) -> rx.Component:
    """Return a field of several lines."""
    words_of_label = (
        rx.el.span(label, class_name="sr-only") if is_label_hidden else label
    )
    return area_field(
        name,
        words_of_label,
        default_value=value,
        error=AgentEditorState.errors[name],
        rows=str(rows),
        **props,
    )


def choice(
    name: str,
    label: str,
    value: Any,
    options: list[tuple[str, str, str]],
    *,
    is_label_hidden: bool = False,
) -> rx.Component:
    """Return a choice of `(value, title, about)`."""
    return rx.el.fieldset(
        rx.el.legend(
            label,
            class_name="sr-only" if is_label_hidden else "mb-1.5 text-sm font-medium",
        ),
        rx.el.div(
            *[
                rx.el.label(
                    rx.el.input(
                        type="radio",
                        name=name,
                        value=option,
                        default_checked=value == option,
                        class_name="mt-1 size-4 shrink-0 accent-accent",
                    ),
                    rx.el.span(
                        rx.el.span(title, class_name="block text-sm font-medium"),
                        rx.el.span(about, class_name="block text-xs text-muted"),
                    ),
                    class_name="flex cursor-pointer gap-2.5 rounded-lg border border-line-strong p-3 transition-colors duration-100 "
                    "hover:bg-sunken has-checked:border-accent has-checked:bg-accent-soft",
                )
                for option, title, about in options
            ],
            class_name="grid gap-2 sm:grid-cols-3"
            if len(options) == 3
            else "grid gap-2 sm:grid-cols-2",
        ),
        field_error(name, AgentEditorState.errors[name]),
        class_name="min-w-0",
    )
