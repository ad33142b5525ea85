"""A place to drop files on; it posts them to our API."""

import reflex as rx


class FileDrop(rx.Component):
    """`on_taken` fires for each file that was stored."""

    library = rx.asset("file_drop.jsx", shared=True).importable_path
    tag = "FileDrop"

    url: rx.Var[str]
    accept: rx.Var[str]
    bytes_max: rx.Var[int]
    words: rx.Var[dict[str, str]]
    on_taken: rx.EventHandler[rx.event.no_args_event_spec]


file_drop = FileDrop.create
