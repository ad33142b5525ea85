"""Model files of this machine as administrators add them, measure them and take them out while Atelier runs."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.core.settings import Settings
from app.backend.core.texts import STORABLE, Text
from app.backend.identity import audit
from app.backend.identity.actors import require
from app.backend.identity.audit import Action
from app.backend.models import local_trial
from app.backend.models.local import LocalView, list_local, open_shelf
from app.backend.models.shelf import LocalFile, Shelf
from app.backend.providers.handler import PullProgress

KIND = "local model"
FETCHING, READING, MEASURING = "Fetching", "Reading the file", "Loading it once"
_STOP_SECONDS = 5.0


class FileDraft(BaseModel):
    """Where a file is: a path on the server, or a URL with the hash that the file must have."""

    model_config = ConfigDict(frozen=True)

    source: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000),
        STORABLE,
    ]
    sha256: Text = Field(default="", max_length=64)
    licence: Text = Field(default="", max_length=100)


class _Stopped(Exception):
    """Nobody waits for the file any more."""


async def add_file(
    actor: Actor, *, draft: FileDraft, settings: Settings
) -> AsyncGenerator[PullProgress | LocalView, None]:
    """Add a model file, load it once and measure it; tell how far this is, and at the end what is there.

    Whoever stops asking stops it, and a file that is half there is deleted.

    Raises:
        Forbidden: the actor is no administrator who is signed in.
        Invalid: it cannot be fetched, is no model, or another one than the hash says.
    """
    require(actor, Permission.CHANGE_SYSTEM)
    shelf = open_shelf(settings)
    name = ""
    async for step in _bring(shelf, draft):
        if isinstance(step, LocalFile):
            name = step.name
        else:
            yield step
    yield PullProgress(status=MEASURING)
    await local_trial.try_out(settings, name)
    yield _find(settings, name)


async def measure_file(actor: Actor, *, name: str, settings: Settings) -> LocalView:
    """Load a model, and keep how fast it is here, or why it cannot be loaded.

    Raises:
        Forbidden: the actor is no administrator who is signed in.
        NotFound: there is none of that name.
    """
    require(actor, Permission.CHANGE_SYSTEM)
    await local_trial.try_out(settings, name)
    return _find(settings, name)


def delete_file(
    session: Session, actor: Actor, *, name: str, settings: Settings
) -> LocalFile:
    """Take a file out; one that was fetched is deleted from the disk.

    Raises:
        Forbidden: the actor is no administrator who is signed in.
        NotFound: there is none of that name.
    """
    require(actor, Permission.CHANGE_SYSTEM)
    file = open_shelf(settings).delete(name)
    action = Action.LOCAL_MODEL_DELETED
    audit.record(session, actor, action, object_kind=KIND, name=f"local/{file.name}")
    return file


def note_added(session: Session, actor: Actor, view: LocalView) -> None:
    """Write into the audit that a file was added."""
    audit.record(
        session,
        actor,
        Action.LOCAL_MODEL_ADDED,
        object_kind=KIND,
        name=view.name,
        source=view.source,
        sha256=view.sha256,
    )


async def _bring(
    shelf: Shelf, draft: FileDraft
) -> AsyncGenerator[PullProgress | LocalFile, None]:
    known = {"sha256": draft.sha256, "licence": draft.licence}
    if "://" in draft.source:
        async for step in _fetch(shelf, draft.source, known):
            yield step
        return
    yield PullProgress(status=READING)
    yield await asyncio.to_thread(shelf.add_path, Path(draft.source), **known)


async def _fetch(
    shelf: Shelf, url: str, known: dict[str, str]
) -> AsyncGenerator[PullProgress | LocalFile, None]:
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[PullProgress | None] = asyncio.Queue()
    is_over = threading.Event()

    def report(completed: int, total: int) -> None:
        if is_over.is_set():
            raise _Stopped
        step = PullProgress(status=FETCHING, completed=completed, total=total)
        loop.call_soon_threadsafe(told.put_nowait, step)

    work = asyncio.create_task(
        asyncio.to_thread(shelf.fetch, url, report=report, **known)
    )
    work.add_done_callback(lambda _: told.put_nowait(None))
    try:
        while (step := await told.get()) is not None:
            yield step
        yield await work
    finally:
        is_over.set()
        # Its thread sees that with the next piece.
        await asyncio.wait({work}, timeout=_STOP_SECONDS)
        if work.done():
            work.exception()


def _find(settings: Settings, name: str) -> LocalView:
    wanted = f"local/{name.removeprefix('local/')}"
    return next(one for one in list_local(settings) if one.name == wanted)
