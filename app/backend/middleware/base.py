"""What every middleware is: a class with a form, whose instances stand before a model.

It gets a question and what comes next before the model. What it does before it asks on is its work before the model,
in the order of the priorities; what it does with the words that come back, and after the last of them, is its work
after the model, in the opposite order.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from langchain_core.messages import AIMessageChunk

from app.backend.core import clock
from app.backend.core.run_events import Level, MiddlewareActed
from app.backend.middleware.memory import Memory
from app.backend.models.request import Ask, ModelRequest
from app.backend.providers.handler import Form

__all__ = ["Ask", "Form", "Middleware", "ModelRequest", "Parts", "Told", "TypeInfo"]

Phase = Literal["before", "after"]


@dataclass(frozen=True)
class TypeInfo:
    """What is said of a type of middleware: its key, its name and words for people, its form, and where it usually stands."""

    key: str
    label: str
    about: str
    form: type[Form]
    priority: int


@dataclass(frozen=True)
class Parts:
    """What a middleware works with; `place` tells its own instance from others, and `rules` changes with its chain."""

    place: str
    memory: Memory
    rules: str = ""


class Middleware(ABC):
    """One concern of the calls of a model; it keeps nothing between calls but in its `memory`."""

    info: ClassVar[TypeInfo]
    # Whether it asks the model again that does not answer.
    asks_again: ClassVar[bool] = False

    def __init__(self, settings: Any, parts: Parts) -> None:
        """Take checked settings, an instance of the form.

        Raises:
            AppError, ValueError: it cannot work like this.
        """
        self.settings = settings
        self.parts = parts

    @abstractmethod
    def __call__(
        self, request: ModelRequest, ask: Ask
    ) -> AsyncIterator[AIMessageChunk]:
        """Yield the answer to `request`, which `ask` gives.

        Raises:
            AppError: it refuses the question, or the answer.
        """
        ...

    def began(self, request: ModelRequest) -> "Told":
        """Return what tells the log of the caller what this one does from now on."""
        return Told(self.info.label, request)


class Told:
    """Tells the log of a caller what a middleware did, and how long that took."""

    def __init__(self, label: str, request: ModelRequest) -> None:
        self._label = label
        self._request = request
        self._began = clock.monotonic()

    def again(self) -> None:
        """Begin to measure anew: what was between was not the middleware's time."""
        self._began = clock.monotonic()

    def tell(
        self, message: str, *, phase: Phase = "before", level: Level = Level.INFO
    ) -> None:
        """Say what was done."""
        took = (clock.monotonic() - self._began) * 1000
        self._request.caller.emit(
            MiddlewareActed(
                name=self._label,
                message=message,
                milliseconds=round(took, 2),
                phase=phase,
                level=level,
            )
        )
