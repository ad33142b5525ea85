"""The databases of a session share what SQLAlchemy compiles: a test makes one, and to compile for it anew is most of its work."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import LRUCache

from app.backend.core import db

E = TypeVar("E", Engine, AsyncEngine)

STATEMENTS_MAX = 10_000


def compile_once() -> None:
    """Let all databases that are opened from now on share a dialect, and the statements that are compiled for it."""
    for name in ("_make_engine", "_make_plain_engine"):
        setattr(db, name, _sharing(getattr(db, name)))


def _sharing(make: Callable[..., E]) -> Callable[..., E]:
    shared: dict[tuple[str, bool], tuple[Any, LRUCache[Any, Any]]] = {}

    def make_sharing(url: str, *, has_own_loop: bool = False) -> E:
        engine = make(url, has_own_loop=True) if has_own_loop else make(url)
        inner: Any = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
        # A dialect has its driver, and knows its server from its first connection on.
        kind = (inner.dialect.name, has_own_loop)
        if kind not in shared or shared[kind][0].server_version_info is None:
            shared[kind] = (inner.dialect, LRUCache(STATEMENTS_MAX))
        inner.dialect, inner._compiled_cache = shared[kind]
        return engine

    return make_sharing
