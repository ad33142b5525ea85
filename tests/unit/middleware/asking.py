"""A model that says what a test wants, behind middlewares that a test names."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage

from app.backend.core import ids
from app.backend.core.actor import Actor, Role
from app.backend.core.errors import AppError
from app.backend.core.run_events import Event, MiddlewareActed
from app.backend.middleware.base import Middleware, Parts
from app.backend.middleware.chains import Compiled
from app.backend.middleware.memory import Memory
from app.backend.middleware.registry import check_config, find_type
from app.backend.models.request import Caller, ModelRequest
from app.backend.providers.base import ChatOptions
from tests.fakes.memory import FakeMemory

RUN = UUID(int=7)


class Model:
    """Says its parts each time, after it failed as often as it has errors; keeps what it was asked."""

    def __init__(
        self, *parts: str | AIMessageChunk, errors: Sequence[AppError] = ()
    ) -> None:
        self.parts = parts
        self.errors = list(errors)
        self.asked: list[ModelRequest] = []

    async def __call__(self, request: ModelRequest) -> AsyncIterator[AIMessageChunk]:
        self.asked.append(request)
        if self.errors:
            raise self.errors.pop(0)
        for part in self.parts:
            yield AIMessageChunk(content=part) if isinstance(part, str) else part

    @property
    def texts(self) -> list[str]:
        """What the messages of the last question said."""
        return [str(message.content) for message in self.asked[-1].messages]


def make(key: str, memory: Memory | None = None, **config: Any) -> Middleware:
    """Return a middleware of a type."""
    kind = find_type(key)
    parts = Parts(key, memory or FakeMemory())
    return kind(check_config(kind, config), parts)


class Asker:
    """Asks a model through middlewares, and keeps what the log is told."""

    def __init__(self, *middlewares: Middleware, has_effects: bool = False) -> None:
        self.chain = Compiled("", middlewares)
        self.told: list[Event] = []
        self.actor = Actor(
            user_id=ids.new_id(),
            email="ann@example.org",
            role=Role.USER,
            permissions=frozenset(),
        )
        self.has_effects = has_effects

    async def chunks(
        self, model: Model, *messages: BaseMessage | str, **fields: Any
    ) -> list[AIMessageChunk]:
        """Return what comes back."""
        return [chunk async for chunk in self.stream(model, *messages, **fields)]

    def stream(
        self, model: Model, *messages: BaseMessage | str, **fields: Any
    ) -> AsyncIterator[AIMessageChunk]:
        """Yield what comes back."""
        caller = Caller(self.actor, RUN, emit=self._tell, has_effects=self.has_effects)
        request = ModelRequest(
            model="scripted/x",
            messages=[
                HumanMessage(one) if isinstance(one, str) else one for one in messages
            ],
            options=ChatOptions(),
            caller=caller,
            **fields,
        )
        return self.chain.stream(request, model)

    async def ask(self, model: Model, *messages: BaseMessage | str) -> str:
        """Return the words that come back."""
        return "".join(chunk.text for chunk in await self.chunks(model, *messages))

    def _tell(self, event: Event) -> None:
        self.told.append(event)

    @property
    def acted(self) -> list[tuple[str, str, str]]:
        """Name, phase and words of what the log was told."""
        return [
            (one.name, one.phase, one.message)
            for one in self.told
            if isinstance(one, MiddlewareActed)
        ]
