"""A question to a model, on its way through what stands before the model."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from langchain_core.messages import AIMessageChunk, BaseMessage

from app.backend.core.actor import Actor
from app.backend.core.run_context import Emit
from app.backend.core.run_events import Event
from app.backend.models.patience import MayAskAgain
from app.backend.providers.base import ChatOptions

_UNPAID = "atelier_unpaid"


def _tell_nobody(event: Event) -> None:
    del event


async def _always() -> bool:
    return True


@dataclass(frozen=True)
class Caller:
    """Who asks, and where is told what became of the question.

    `has_effects` says that what the model decides may change something: one of its tools does.
    """

    actor: Actor
    run_id: UUID | None = None
    emit: Emit = _tell_nobody
    has_effects: bool = False


@dataclass(frozen=True)
class ModelRequest:
    """What a model is asked; `tools` are None where it is not to choose any.

    `may_ask_again` takes leave to repeat it after a failure; there is none when its service was asked again too often.
    """

    model: str
    messages: Sequence[BaseMessage]
    options: ChatOptions
    caller: Caller
    tools: Sequence[dict[str, Any]] | None = None
    may_ask_again: MayAskAgain = _always


# Asks the model, or what stands next before it.
Ask = Callable[[ModelRequest], AsyncIterator[AIMessageChunk]]


class Chain(Protocol):
    """What stands before a model, in its order."""

    @property
    def asks_again(self) -> bool:
        """Whether it asks a model again by itself that does not answer, so that nobody else needs to."""
        ...

    @property
    def guards(self) -> frozenset[str]:
        """What must not be left out, by its types."""
        ...

    def stream(self, request: ModelRequest, ask: Ask) -> AsyncIterator[AIMessageChunk]:
        """Yield the answer."""
        ...


@dataclass(frozen=True)
class Before:
    """What stands before a model, for one caller."""

    chain: Chain
    caller: Caller
    options: ChatOptions


class Chains(Protocol):
    """Knows what stands before each model."""

    async def find(self, name: str, model_id: UUID | None) -> Chain | None:
        """Return what stands before a model; None for nothing.

        Raises:
            AppError: something that must not be left out cannot be started.
        """
        ...


def mark_unpaid(chunk: AIMessageChunk) -> AIMessageChunk:
    """Return `chunk` saying that the answer came from no model, and so costs nothing."""
    chunk.response_metadata[_UNPAID] = True
    return chunk


def is_unpaid(chunk: AIMessageChunk) -> bool:
    """Tell whether the answer that a chunk is of costs nothing."""
    return bool(chunk.response_metadata.get(_UNPAID))
