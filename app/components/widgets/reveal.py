"""Marked text that scrolls itself into sight."""

import reflex as rx


class Reveal(rx.Component):
    """A passage that stands out."""

    library = rx.asset("reveal.jsx", shared=True).importable_path
    tag = "Reveal"


reveal = Reveal.create
