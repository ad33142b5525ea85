"""The browser's modal dialog, opened and closed by a var."""

import reflex as rx


class Dialog(rx.Component):
    """A modal; `on_close` fires when the user presses Escape or clicks outside."""

    library = rx.asset("dialog.jsx", shared=True).importable_path
    tag = "Dialog"

    open: rx.Var[bool]
    label: rx.Var[str]
    on_close: rx.EventHandler[rx.event.no_args_event_spec]


modal = Dialog.create
