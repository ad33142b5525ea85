"""Keeps a form's unsaved words in the browser."""

import reflex as rx


class Draft(rx.Component):
    """Stands inside a form; a changed `saved_at` forgets what was kept under `name`.

    Without the two texts it brings back what was typed without a word, and only into an empty form.
    """

    library = rx.asset("draft.jsx", shared=True).importable_path
    tag = "Draft"

    name: rx.Var[str]
    saved_at: rx.Var[str]
    restored_text: rx.Var[str]
    discard_text: rx.Var[str]


draft = Draft.create
