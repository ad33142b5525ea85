"""What a tool is: a name, words for the model and for people, a schema, and what it does."""

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.backend.core.db import Session
from app.backend.core.effects import Effect
from app.backend.core.run_context import RunContext
from app.backend.core.run_events import Passage
from app.backend.core.texts import storable
from app.backend.tools.errors import WrongArguments

# What a model reads of one result; more would only push the question out of its window.
RESULT_CHARACTERS_MAX = 8_000
P = TypeVar("P", bound=BaseModel)
OpenSession = Callable[[], AbstractAsyncContextManager[Session]]


class Params(BaseModel):
    """Arguments of a tool; who it works for is never among them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolResult(BaseModel):
    """What a call gave back: words for the model, passages that an answer may cite, and notes for whoever reads it."""

    model_config = ConfigDict(frozen=True)

    content: str
    is_error: bool = False
    passages: list[Passage] = Field(default_factory=list[Passage])
    notes: list[str] = Field(default_factory=list[str])


@dataclass(frozen=True)
class ToolContext:
    """For whom a tool works, and how.

    `read` opens our database for reading. `key` is the same for each try at the same effect: whoever is reached with it can tell a repetition. A tool that
    keeps its things in our own database gets the transaction in which its record is written as well.
    """

    run: RunContext
    call_id: str
    read: OpenSession
    collection_ids: tuple[UUID, ...] = ()
    passages: int = 4
    key: str = ""
    session: Session | None = None


@dataclass(frozen=True)
class Tool(Generic[P]):
    """A tool that agents can be given.

    `description` is for the model, `about` one sentence for the person who picks it. With `is_ours` its effect is in
    our own database, in the transaction of `context.session`: then it is always known whether it happened.
    """

    name: str
    title: str
    description: str
    about: str
    effect: Effect
    params: type[P]
    run: Callable[[P, ToolContext], Awaitable[ToolResult]]
    is_ours: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments."""
        return self.params.model_json_schema()

    def read(self, args: Mapping[str, Any]) -> P:
        """Return the arguments as the tool takes them.

        Raises:
            WrongArguments: they do not fit the schema; the message is for the model.
        """
        try:
            return self.params.model_validate_json(storable(json.dumps(args)))
        except ValidationError as error:
            raise WrongArguments.of(self.name, error, self.schema) from None

    async def execute(self, params: P, context: ToolContext) -> ToolResult:
        """Do it.

        Raises:
            AppError: it cannot be done; the message is for the model.
        """
        result = await self.run(params, context)
        content = storable(result.content)
        if len(content) > RESULT_CHARACTERS_MAX:
            content = f"{content[:RESULT_CHARACTERS_MAX]}\n(cut after {RESULT_CHARACTERS_MAX:,} of {len(content):,} characters)"
        return result.model_copy(update={"content": content})


AnyTool = Tool[Any]
