"""What a browser can send besides requests of the API: the events of all stores, from which pages.

`python -m app.surface` prints it as JSON. Commands ask so, since they do not import the pages' framework.
"""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from typing import Any, get_type_hints

import reflex as rx
from pydantic import BaseModel

from app import pages
from app import state as stores
from app.cli.isolation.surface import Argument, EventLine, Surface
from app.pages._page import PAGES
from app.state import edge

FRAMEWORK = {"setvar"}


def all_stores() -> Iterator[type[rx.State]]:
    """Yield every store."""
    for found in pkgutil.iter_modules(stores.__path__):
        module = importlib.import_module(f"{stores.__name__}.{found.name}")
        for _, kind in inspect.getmembers(module, inspect.isclass):
            is_ours = kind.__module__ == module.__name__
            if (
                is_ours
                and issubclass(kind, rx.State)
                and kind is not rx.State
                and not vars(kind).get("_mixin")
            ):
                yield kind


def events() -> Iterator[tuple[type[rx.State], str]]:
    """Yield every event that a browser can send, with its store."""
    for kind in all_stores():
        for name in kind.event_handlers:
            if name not in FRAMEWORK:
                yield kind, name


def read_surface() -> Surface:
    """Return all of it, as this version of the code has it."""
    for found in pkgutil.iter_modules(pages.__path__):
        importlib.import_module(f"{pages.__name__}.{found.name}")
    return Surface(
        events=[_line(kind, name) for kind, name in events()],
        pages=[page.route for page in PAGES],
    )


def _line(kind: type[rx.State], name: str) -> EventLine:
    function: Any = kind.event_handlers[name].fn
    hints = get_type_hints(inspect.unwrap(function))
    names = list(inspect.signature(function).parameters)[1:]
    return EventLine(
        store=kind.__name__,
        name=name,
        address=f"{kind.get_full_name()}.{name}",
        arguments={one: _argument(hints.get(one)) for one in names},
        access=getattr(function, edge.ACCESS, edge.ANYBODY),
    )


def _argument(hint: Any) -> Argument:
    origin = getattr(hint, "__origin__", hint)
    if origin is dict:
        return Argument.FORM
    if isinstance(origin, type) and issubclass(origin, BaseModel):
        return Argument.FORM
    return {bool: Argument.FLAG, int: Argument.NUMBER}.get(origin, Argument.TEXT)


if __name__ == "__main__":
    sys.stdout.write(read_surface().model_dump_json())
