"""Buttons, links that look like buttons, and icon buttons."""

from typing import Any, Literal

import reflex as rx
from reflex_components_core.el.element import Element


class PlainLink(Element):
    """A link that the browser follows by itself: Reflex's own would ask the router."""

    tag = "a"

    href: rx.Var[str]


Variant = Literal["primary", "secondary", "ghost", "danger"]
Size = Literal["sm", "md"]

_BASE = (
    "inline-flex shrink-0 items-center justify-center gap-1.5 rounded-lg font-medium whitespace-nowrap select-none "
    "transition-colors duration-100 disabled:opacity-50 active:translate-y-px"
)
_SIZES: dict[Size, str] = {"sm": "h-8 px-2.5 text-sm", "md": "h-9 px-3.5 text-sm"}
_VARIANTS: dict[Variant, str] = {
    "primary": "bg-accent text-accent-ink hover:bg-accent-strong",
    "secondary": "border border-line-strong bg-surface text-ink hover:bg-sunken",
    "ghost": "text-muted hover:bg-sunken hover:text-ink",
    "danger": "border border-line-strong bg-surface text-bad hover:border-bad hover:bg-bad-soft",
}


def button(
    *children: Any,
    variant: Variant = "secondary",
    size: Size = "md",
    icon: str = "",
    reloads: bool = False,
    **props: Any,
) -> rx.Component:
    """Return a button; with `href` it is a link that looks like one, and `reloads` opens the page anew."""
    extra = props.pop("class_name", "")
    look = f"{_BASE} {_SIZES[size]} {_VARIANTS[variant]} {extra}"
    inside = (
        [rx.icon(icon, size=16, aria_hidden="true"), *children] if icon else [*children]
    )
    if "href" in props:
        link = PlainLink.create if reloads else rx.el.a
        return link(*inside, class_name=look, **props)
    props.setdefault("type", "button")
    return rx.el.button(*inside, class_name=look, **props)


def icon_button(icon: str, label: str | rx.Var[str], **props: Any) -> rx.Component:
    """Return a square button that shows only an icon; `label` is its name."""
    extra = props.pop("class_name", "")
    look = (
        "inline-flex size-8 shrink-0 items-center justify-center rounded-lg text-muted transition-colors "
        f"duration-100 hover:bg-sunken hover:text-ink disabled:opacity-50 {extra}"
    )
    inside = rx.icon(icon, size=16, aria_hidden="true")
    if "href" in props:
        return rx.el.a(inside, class_name=look, aria_label=label, title=label, **props)
    props.setdefault("type", "button")
    return rx.el.button(inside, class_name=look, aria_label=label, title=label, **props)


def text_link(*children: Any, href: Any, **props: Any) -> rx.Component:
    """Return a link within text."""
    extra = props.pop("class_name", "")
    return rx.el.a(
        *children,
        href=href,
        class_name=f"text-accent underline-offset-2 hover:underline {extra}",
        **props,
    )
