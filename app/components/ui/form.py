"""Fields with a label, a hint and their message, wired for screen readers."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

CONTROL = (
    "w-full rounded-lg border border-line-strong bg-surface px-3 text-ink placeholder:text-faint "
    "transition-colors duration-100 hover:border-faint focus-visible:outline-offset-0 "
    "aria-invalid:border-bad disabled:bg-sunken disabled:text-muted"
)


def field(
    name: str, label: Any, control: rx.Component, *, hint: Any = None, error: Any = ""
) -> rx.Component:
    """Return `control` between its label, its hint and its error."""
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name="text-sm font-medium"),
        control,
        rx.el.p(hint, id=f"{name}-hint", class_name="text-xs text-muted")
        if hint is not None
        else None,
        field_error(name, error),
        class_name="flex min-w-0 flex-col gap-1.5",
    )


def field_error(name: str, error: Any) -> rx.Component:
    """Return the message of one field, or nothing."""
    return rx.el.p(
        rx.cond(
            error,
            rx.fragment(
                rx.icon(
                    "circle_alert",
                    size=13,
                    aria_hidden="true",
                    class_name="mt-px shrink-0",
                ),
                rx.el.span(error, class_name="min-w-0 [overflow-wrap:anywhere]"),
            ),
        ),
        id=f"{name}-error",
        class_name="flex items-start gap-1 text-xs font-medium text-bad empty:hidden",
    )


def _described(name: str, error: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "aria_describedby": f"{name}-error {name}-hint",
        "aria_invalid": rx.cond(error, "true", "false"),
    }


def text_field(
    name: str, label: Any, *, hint: Any = None, error: Any = "", **props: Any
) -> rx.Component:
    """Return a one-line text field."""
    extra = props.pop("class_name", "")
    control = rx.el.input(
        class_name=f"{CONTROL} h-9 {extra}", **_described(name, error), **props
    )
    return field(name, label, control, hint=hint, error=error)


def area_field(
    name: str, label: Any, *, hint: Any = None, error: Any = "", **props: Any
) -> rx.Component:
    """Return a field for several lines of text."""
    extra = props.pop("class_name", "")
    control = rx.el.textarea(
        class_name=f"{CONTROL} py-2 {extra}", **_described(name, error), **props
    )
    return field(name, label, control, hint=hint, error=error)


def select_field(
    name: str,
    label: Any,
    options: Sequence[tuple[str, str]] | rx.Component,
    *,
    hint: Any = None,
    error: Any = "",
    **props: Any,
) -> rx.Component:
    """Return a choice of one; `options` are pairs of value and words, or an `rx.foreach` of options."""
    inside = (
        [options]
        if isinstance(options, rx.Component)
        else [rx.el.option(text, value=value) for value, text in options]
    )
    control = rx.el.select(
        *inside, class_name=f"{CONTROL} h-9 pe-8", **_described(name, error), **props
    )
    return field(name, label, control, hint=hint, error=error)


def check_field(
    name: str, label: Any, *, hint: Any = None, **props: Any
) -> rx.Component:
    """Return a box to tick."""
    return rx.el.label(
        rx.el.input(
            type="checkbox",
            name=name,
            class_name="mt-0.5 size-4 shrink-0 accent-accent",
            **props,
        ),
        rx.el.span(
            label,
            rx.el.span(hint, class_name="block text-xs text-muted")
            if hint is not None
            else None,
            class_name="min-w-0 text-sm",
        ),
        class_name="flex cursor-pointer items-start gap-2.5",
    )


def search_field(label: str, *, placeholder: str = "", **props: Any) -> rx.Component:
    """Return a search box; `/` brings the focus here."""
    return rx.el.div(
        rx.icon(
            "search",
            size=15,
            aria_hidden="true",
            class_name="pointer-events-none absolute start-3 top-1/2 -translate-y-1/2 text-faint",
        ),
        rx.el.input(
            type="search",
            aria_label=label,
            placeholder=placeholder or label,
            class_name=f"{CONTROL} h-9 ps-9",
            custom_attrs={"data-key": "/"},
            **props,
        ),
        class_name="relative min-w-0 flex-1",
    )


def post_form(*children: Any, action: str, **props: Any) -> rx.Component:
    """Return a form that the browser posts itself; the answer is a full navigation."""
    # Without an explicit `on_submit` Reflex would keep the form from being sent.
    return rx.el.form(*children, action=action, method="post", on_submit=None, **props)


def form_error(error: Any) -> rx.Component:
    """Return the message that concerns no single field."""
    return rx.cond(
        error,
        rx.el.div(
            rx.icon(
                "circle_alert",
                size=16,
                aria_hidden="true",
                class_name="mt-0.5 shrink-0",
            ),
            rx.el.span(error),
            role="alert",
            class_name="flex gap-2 rounded-lg bg-bad-soft px-3 py-2 text-sm text-bad",
        ),
    )
