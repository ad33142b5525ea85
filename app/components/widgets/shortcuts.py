"""Keyboard shortcuts and their sheet."""

import reflex as rx


class Shortcuts(rx.NoSSRComponent):
    """`g` and a key goes to a place; an action presses or focuses the element whose `data-key` it is."""

    library = rx.asset("shortcuts.jsx", shared=True).importable_path
    tag = "Shortcuts"

    places: rx.Var[dict[str, list[str]]]
    actions: rx.Var[dict[str, str]]
    words: rx.Var[dict[str, str]]


shortcuts = Shortcuts.create
