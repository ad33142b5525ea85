"""A model file on its way to the shelf: fetched or read in a thread of its own, which ends when nobody waits for it."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.backend.core.texts import STORABLE, Text
from app.backend.models.download import Report
from app.backend.models.shelf import LocalFile, Shelf
from app.backend.providers.handler import PullProgress

FETCHING, READING = "Fetching", "Reading the file"
_TELL_SECONDS, _STOP_SECONDS = 0.5, 5.0


class FileDraft(BaseModel):
    """Where a file is: a path on the server, or a URL with the hash that the file must have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000),
        STORABLE,
    ]
    sha256: Text = Field(default="", max_length=64)
    licence: Text = Field(default="", max_length=100)

    @property
    def is_url(self) -> bool:
        """Whether it has to be fetched."""
        return "://" in self.source

    def prepare(self, shelf: Shelf, report: Report) -> LocalFile:
        """Fetch or read the file, and return what it is.

        Raises:
            Invalid: it is not there, no model, or another one than the hash says.
        """
        known = {"sha256": self.sha256, "licence": self.licence}
        if self.is_url:
            return shelf.download(self.source, report=report, **known)
        return shelf.read_path(Path(self.source), report=report, **known)


class _Stopped(Exception):
    """Nobody waits for the file any more."""


class Preparation:
    """The work on one file."""

    def __init__(self, shelf: Shelf, draft: FileDraft) -> None:
        self._shelf = shelf
        self._step = PullProgress(status=FETCHING if draft.is_url else READING)
        self._is_over = threading.Event()
        self._work = asyncio.create_task(
            asyncio.to_thread(draft.prepare, shelf, self._report)
        )

    async def steps(self) -> AsyncGenerator[PullProgress, None]:
        """Tell again and again how far it is, also while nothing comes, until it is done or has failed."""
        while not self._work.done():
            yield self._step
            await asyncio.wait({self._work}, timeout=_TELL_SECONDS)

    def file(self) -> LocalFile:
        """Return what the file is, once there are no more steps.

        Raises:
            Invalid: it is not there, no model, or another one than the hash says.
        """
        return self._work.result()

    async def end(self) -> None:
        """Give up: what is under way stops, and what was fetched is deleted."""
        self._is_over.set()
        # Its thread sees that with the next piece, for which a service may let it wait a minute.
        await asyncio.wait({self._work}, timeout=_STOP_SECONDS)
        if self._work.done():
            self._discard(self._work)
        else:
            self._work.add_done_callback(self._discard)

    def _report(self, completed: int, total: int) -> None:
        if self._is_over.is_set():
            raise _Stopped
        self._step = self._step.model_copy(
            update={"completed": completed, "total": total}
        )

    def _discard(self, work: asyncio.Task[LocalFile]) -> None:
        if not work.cancelled() and work.exception() is None:
            self._shelf.discard(work.result())
