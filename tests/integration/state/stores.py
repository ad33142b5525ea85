"""The registry of all stores and their events."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import reflex as rx

from app import state as stores

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
    """Yield every event that a browser can send."""
    for kind in all_stores():
        for name in kind.event_handlers:
            if name not in FRAMEWORK:
                yield kind, name
