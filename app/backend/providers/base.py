"""What every provider of chat models is, and what its models say besides text.

The libraries of chats take a second to import. A provider imports its own when it makes a model, which the web process
never does: it lists models and checks names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, BaseMessageChunk
from pydantic import BaseModel, ConfigDict, ValidationError

_NOTICE = "atelier_notice"


@dataclass(frozen=True)
class ChatOptions:
    """How an agent wants its model to answer; None leaves it to the service."""

    temperature: float | None = 0.0
    max_tokens: int = 200
    top_p: float | None = None
    window: int | None = None


@dataclass(frozen=True)
class ProviderModel:
    """A model that a provider offers, and what it says of it; None is what it does not say.

    `context` is its window in tokens, and prices are in dollars a million tokens.
    """

    name: str
    context: int | None = None
    is_embedding: bool = False
    can_call_tools: bool | None = None
    can_see: bool | None = None
    price_in: float | None = None
    price_out: float | None = None
    price_cached: float | None = None


@dataclass(frozen=True)
class Embedded:
    """Texts as vectors, in their order; `tokens` are what the service says that it read, None where it does not."""

    vectors: Sequence[Sequence[float]]
    tokens: int | None = None


class Provider(Protocol):
    """A service that answers chats; each call of `make` gives a model ready for use."""

    name: str
    label: str

    @property
    def is_configured(self) -> bool:
        """Whether the settings say where the service is."""
        ...

    @property
    def how_to_configure(self) -> str:
        """What to set when it is not configured."""
        ...

    async def list_models(self) -> Sequence[ProviderModel]:
        """Return the models it offers now.

        Raises:
            AppError: the service does not answer.
        """
        ...

    def check(self, model: str) -> None:
        """Raise AppError when the name makes no sense to this provider; asks nobody."""
        ...

    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        """Return the model of this name.

        Raises:
            AppError: the name makes no sense to this provider.
        """
        ...

    def window_of(self, model: str) -> int | None:
        """Return the model's window in tokens, when that is known without asking."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


class Notice(BaseModel):
    """What a model says before or between its tokens: it waits in a queue, is loaded, or is connected again."""

    model_config = ConfigDict(frozen=True)

    type: Literal["queued", "loading", "loaded", "reconnecting"]
    position: int = 0
    milliseconds: float = 0


def with_notice(message: BaseMessageChunk, notice: Any) -> BaseMessageChunk:
    """Return `message` carrying `notice`, in the form the runtime sends it."""
    message.response_metadata[_NOTICE] = [notice]
    return message


def notice_of(message: BaseMessage) -> Notice | None:
    """Return what a chunk says besides text, if it does; such a chunk has no text."""
    notices = message.response_metadata.get(_NOTICE)
    if not notices:
        return None
    try:
        return Notice.model_validate(notices[-1])
    except ValidationError:
        return None
