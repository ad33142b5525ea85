"""What a page does by itself in the browser: dialogs, notices, single-key shortcuts, what it brings into sight, its address."""

from typing import Any

import reflex as rx

_LIBRARY = rx.asset("page.jsx", shared=True).importable_path


class Dialog(rx.Component):
    """A modal, opened and closed by a var; `on_close` fires when the user presses Escape or clicks outside."""

    library = _LIBRARY
    tag = "Dialog"

    open: rx.Var[bool]
    label: rx.Var[str]
    on_close: rx.EventHandler[rx.event.no_args_event_spec]


class Notices(rx.Component):
    """The corner where notices appear, over dialogs too."""

    library = _LIBRARY
    tag = "Notices"


class Reveal(rx.Component):
    """A passage that stands out and scrolls itself into sight."""

    library = _LIBRARY
    tag = "Reveal"


class InSight(rx.Component):
    """What scrolls itself into sight when it appears and when it grows."""

    library = _LIBRARY
    tag = "InSight"


class Address(rx.Component):
    """Writes `query` into the address, so that a reload shows the same; loads nothing, as a redirect would."""

    library = _LIBRARY
    tag = "Address"

    query: rx.Var[dict[str, str]]


class Shortcuts(rx.NoSSRComponent):
    """`g` and a key goes to a place; an action presses or focuses the element whose `data-key` it is."""

    library = _LIBRARY
    tag = "Shortcuts"

    places: rx.Var[dict[str, list[str]]]
    actions: rx.Var[dict[str, str]]
    words: rx.Var[dict[str, str]]


modal = Dialog.create
notices = Notices.create
reveal = Reveal.create
in_sight = InSight.create

shortcuts = Shortcuts.create


def address(query: Any) -> rx.Component:
    """Keep `query` in the address once the page's first load has read what stood there."""
    return rx.cond(rx.State.is_hydrated, Address.create(query=query))
