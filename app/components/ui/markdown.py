"""Text that a model or a document wrote: markdown without raw HTML, and images as links."""

from typing import Any

import reflex as rx

_PLAIN = ("h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "code", "pre")


def _plain(tag: str) -> Any:
    element = getattr(rx.el, "h3" if tag in {"h1", "h2"} else tag)
    return lambda text, **_: element(text)


def _link(text: Any, **props: Any) -> rx.Component:
    return rx.el.a(text, target="_blank", rel="noopener noreferrer nofollow", **props)


def _image(**props: Any) -> rx.Component:
    # A remote image would tell its server who reads what.
    return rx.el.a(
        props.get("alt", "image"),
        href=props.get("src", ""),
        target="_blank",
        rel="noopener noreferrer nofollow",
    )


def markdown(text: Any, class_name: str = "") -> rx.Component:
    """Return `text` rendered; nothing in it is run or fetched."""
    return rx.el.div(
        rx.markdown(
            text,
            use_raw=False,
            use_math=False,
            use_katex=False,
            component_map={
                **{tag: _plain(tag) for tag in _PLAIN},
                "a": _link,
                "img": _image,
            },
        ),
        class_name=f"prose min-w-0 break-words {class_name}",
    )
