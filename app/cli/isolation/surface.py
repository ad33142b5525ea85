"""The registry of what a browser can send, as the code of this installation tells it."""

import asyncio
import os
import sys
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from app.backend.core.errors import AppError
from app.cli import build


class CannotLook(AppError):
    """The registry of events cannot be read."""

    code = "CANNOT_LOOK"


class Argument(StrEnum):
    """What kind of value an argument of an event takes."""

    TEXT = "text"
    FORM = "form"
    FLAG = "flag"
    NUMBER = "number"


class EventLine(BaseModel):
    """An event of a store: its address on the websocket, its arguments, and whom its guard lets in."""

    model_config = ConfigDict(frozen=True)

    store: str
    name: str
    address: str
    arguments: dict[str, Argument]
    access: str

    @property
    def label(self) -> str:
        """Its name for people."""
        return f"{self.store}.{self.name}"

    @property
    def is_open(self) -> bool:
        """Whether somebody who is not signed in may send it."""
        return self.access == "anybody"

    @property
    def needs_permission(self) -> bool:
        """Whether it is not enough to be signed in."""
        return self.access not in {"anybody", "signed in"}


class Surface(BaseModel):
    """All events, and the routes of the pages that send them."""

    model_config = ConfigDict(frozen=True)

    events: list[EventLine]
    pages: list[str]


async def read_surface() -> Surface:
    """Ask a process of the same code that has the pages' framework.

    Raises:
        CannotLook: it failed.
    """
    asked = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.surface",
        env={**os.environ, **build.environment()},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, log = await asked.communicate()
    if asked.returncode:
        last = log.decode(errors="replace").strip().rpartition("\n")[2]
        message = f"The events of the pages cannot be listed ({last}). Check that this installation is whole."
        raise CannotLook(message)
    return Surface.model_validate_json(out)
