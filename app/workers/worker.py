"""A worker process: has everything imported and compiled, and keeps horses, forked from it, that do the jobs."""

import asyncio
import gc
import importlib
from functools import cache

from sqlalchemy.orm import configure_mappers

from app.backend.core import logging, tls
from app.backend.core import settings as settings_module
from app.backend.core.jobs import FUNCTIONS
from app.workers import rehearsal
from app.workers.herd import Herd

# Imported once here, so that a horse is ready at once. Nothing that owns a socket exists at import.
PRELOADED = (
    "app.workers.jobs",
    "app.backend.tables",
    "bm25s",
    "chromadb.api.fastapi",
    "langchain_openai",
    "langgraph.checkpoint.sqlite.aio",
    "langgraph.graph",
    "numpy",
    "redis.asyncio",
)
NEW_OBJECTS = 10_000


def main() -> None:
    """Work until told to stop."""
    settings = settings_module.load()
    logging.configure(settings, "worker")
    get_ready()
    gc.collect()
    gc.freeze()
    # A model's pieces are kept until its answer ends: a collection after every 700 new objects finds nothing to clear away.
    gc.set_threshold(NEW_OBJECTS)
    Herd(settings).work()


@cache
def get_ready() -> None:
    """Import and rehearse, unless the process that this one was forked from has done so."""
    preload()
    # Read anew: who forks workers has none of their variables, and must leave them theirs.
    asyncio.run(rehearsal.rehearse(settings_module.Settings()))  # pyright: ignore[reportCallIssue] - pydantic fills the fields


def preload() -> None:
    """Import what jobs need."""
    for module in PRELOADED:
        importlib.import_module(module)
    for path in FUNCTIONS.values():
        module, _, function = path.rpartition(".")
        getattr(importlib.import_module(module), function)
    tls.trusted()
    configure_mappers()


if __name__ == "__main__":
    main()
