"""A button that opens a short list of actions, on the browser's own popover."""

from typing import Any

import reflex as rx

from app.components.ui.button import icon_button

_ITEM = "flex h-8 w-full items-center gap-2 rounded-md px-2.5 text-start text-sm hover:bg-sunken"


def menu(
    menu_id: Any, *items: Any, label: str | rx.Var[str], icon: str = "ellipsis"
) -> rx.Component:
    """Return the button and its list; `menu_id` is unique on the page."""
    return rx.fragment(
        icon_button(icon, label, custom_attrs={"popoverTarget": menu_id}),
        rx.el.div(
            *items,
            id=menu_id,
            custom_attrs={"popover": "auto"},
            class_name="menu min-w-44 rounded-lg border border-line bg-raised p-1 text-ink shadow-pop",
        ),
    )


def menu_item(
    menu_id: Any, icon: str, text: str, *, is_dangerous: bool = False, **props: Any
) -> rx.Component:
    """Return one action, or a link when it has an `href`."""
    look = f"{_ITEM} {'text-bad' if is_dangerous else ''}"
    inside = [rx.icon(icon, size=15, aria_hidden="true"), text]
    if "href" in props:
        return rx.el.a(*inside, class_name=look, **props)
    return rx.el.button(
        *inside,
        type="button",
        class_name=look,
        custom_attrs={"popoverTarget": menu_id, "popoverTargetAction": "hide"},
        **props,
    )
