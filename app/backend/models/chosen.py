"""A model that a name has led to, and the one door to its words."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage

from app.backend.core.errors import AppError, ServiceUnavailable
from app.backend.models.capabilities import need_tools
from app.backend.models.request import Before, ModelRequest
from app.backend.providers.base import ChatOptions, Embedded, Provider
from app.backend.providers.breaker import Breaker
from app.backend.providers.errors import ModelKeyRejected, ModelRefused, VectorsMissing
from app.backend.providers.handler import Handler
from app.backend.providers.silence import until_silence

# Told why a provider turned us away; nothing, when it answers again.
TellTrouble = Callable[[UUID, str], Awaitable[None]]
# Told the messages and tools that are about to be sent; what it raises keeps the call from being made.
Reserve = Callable[[Sequence[BaseMessage], Sequence[dict[str, Any]]], Awaitable[None]]


@dataclass(frozen=True)
class Prices:
    """What a model costs, in dollars a million tokens; None is not known."""

    tokens_in: float | None = None
    tokens_out: float | None = None
    tokens_cached: float | None = None


@dataclass(frozen=True)
class ChosenModel:
    """A model, who serves it, and what is known of it; `provider_id` and `model_id` are those of what has rows.

    `service` is what fails together: a provider and its key. `address` is told to nobody who asks, and `remedy` says what
    they can do who cannot change it.
    """

    name: str
    model: str
    provider: Provider
    service: str
    can_call_tools: bool = False
    context_window: int | None = None
    prices: Prices = field(default_factory=Prices)
    top_p: float | None = None
    no_temperature: bool = False
    provider_id: UUID | None = None
    model_id: UUID | None = None
    had_trouble: bool = False
    address: str = ""
    remedy: str = ""

    def options(self, wanted: ChatOptions) -> ChatOptions:
        """Return how it is asked: as is wanted, and as its row says where nothing is."""
        if self.provider_id is None:
            return wanted
        top_p = self.top_p if wanted.top_p is None else wanted.top_p
        return replace(
            wanted,
            temperature=None if self.no_temperature else wanted.temperature,
            top_p=top_p,
            window=self.context_window,
        )

    def need_tools(self) -> None:
        """Raise Invalid when it cannot choose tools."""
        need_tools(self.name, can_call_tools=self.can_call_tools)


class _Asked:
    """What is the same for every call of a provider: failures in a row, a key that is turned down, an address."""

    chosen: ChosenModel
    breaker: Breaker | None
    tell_trouble: TellTrouble | None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.chosen.name

    async def may_ask_again(self) -> bool:
        """Take leave to repeat a question that failed."""
        service = self.chosen.service
        return self.breaker is None or await self.breaker.may_ask_again(service)

    @asynccontextmanager
    async def _asking(self) -> AsyncGenerator[None, None]:
        """Hold while it is asked once, so that a service which does not answer is left alone, and a wrong key is shown."""
        try:
            async with self._breaking():
                yield
        except AppError as error:
            self._hide_address(error)
            if isinstance(error, ModelKeyRejected):
                await self._tell(error.message)
            raise
        if self.chosen.had_trouble:
            await self._tell("")

    def _hide_address(self, error: AppError) -> None:
        # A run is read by people who may not see where the provider is.
        address = self.chosen.address
        host = urlsplit(address).hostname or ""
        if not host or host not in error.message.lower():
            return
        label = self.chosen.provider.label
        told = _replace(error.message, f" at {address}", f" of {label!r}")
        told = _replace(_replace(told, address, repr(label)), host, label)
        error.message = f"{told} {self.chosen.remedy}".strip()
        error.args = (error.message,)
        if isinstance(error, ServiceUnavailable):
            error.service = self.chosen.provider.name

    def _breaking(self) -> AbstractAsyncContextManager[None]:
        if self.breaker is None:
            return nullcontext()
        label = self.chosen.provider.name
        return self.breaker.asking(self.chosen.service, label=label)

    async def _tell(self, trouble: str) -> None:
        if self.tell_trouble is not None and self.chosen.provider_id is not None:
            await self.tell_trouble(self.chosen.provider_id, trouble)


@dataclass(frozen=True)
class OpenModel(_Asked):
    """A model made ready for one speaker. Every question to a language model goes through `stream`.

    `silence` is for how many seconds it may say nothing; None is for ever.
    """

    chosen: ChosenModel
    chat: BaseChatModel
    tools: Sequence[dict[str, Any]] | None = None
    before: Before | None = None
    breaker: Breaker | None = None
    tell_trouble: TellTrouble | None = None
    silence: float | None = None

    @property
    def asks_again(self) -> bool:
        """Whether it is asked again by itself when it does not answer."""
        return self.before is not None and self.before.chain.asks_again

    @property
    def guards(self) -> frozenset[str]:
        """What stands before it and must not be left out, by its types."""
        return self.before.chain.guards if self.before else frozenset()

    async def stream(
        self, messages: Sequence[BaseMessage], *, reserve: Reserve | None = None
    ) -> AsyncGenerator[AIMessageChunk, None]:
        """Yield what the model says, as it says it, through what stands before it.

        `reserve` is awaited next to the call itself: what is answered without one needs no leave.

        Raises:
            AppError: it does not answer, or refuses; the message says why and what to do.
        """
        async for chunk in self._said(messages, reserve):
            yield chunk

    def _said(
        self, messages: Sequence[BaseMessage], reserve: Reserve | None
    ) -> AsyncIterator[AIMessageChunk]:
        before = self.before
        if before is None:
            return self._ask(messages, self.tools, reserve)
        request = ModelRequest(
            self.name,
            messages,
            before.options,
            before.caller,
            self.tools,
            self.may_ask_again,
        )
        return before.chain.stream(
            request, lambda asked: self._ask(asked.messages, asked.tools, reserve)
        )

    async def _ask(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[dict[str, Any]] | None,
        reserve: Reserve | None,
    ) -> AsyncIterator[AIMessageChunk]:
        async with self._asking():
            if reserve is not None:
                await reserve(messages, tools or ())
            chat = self.chat.bind_tools(tools) if tools else self.chat
            # A chat yields chunks of what a model says, and nothing else.
            said: Any = chat.astream(list(messages))
            service = self.chosen.provider.name
            async for chunk in until_silence(said, self.silence, service=service):
                yield chunk


@dataclass(frozen=True)
class OpenEmbedder(_Asked):
    """A model that makes vectors, made ready. Every text that becomes a vector at a provider goes through `embed`."""

    chosen: ChosenModel
    breaker: Breaker | None = None
    tell_trouble: TellTrouble | None = None

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Return the texts as vectors.

        Raises:
            AppError: it does not answer, or refuses; the message says why and what to do.
        """
        handler = self.chosen.provider
        async with self._asking():
            if not isinstance(handler, Handler):
                message = f"{self.name} makes no vectors. Choose an embedding model."
                raise ModelRefused(message)
            found = await handler.embed(self.chosen.model, texts)
            if len(found.vectors) != len(texts):
                message = f"{self.name} made {len(found.vectors)} vectors of {len(texts)} texts. Choose another model."
                raise VectorsMissing(message, tokens=found.tokens)
            return found


def _replace(text: str, old: str, new: str) -> str:
    """Replace a part of an address, which may be written in capitals."""
    return re.sub(re.escape(old), lambda _: new, text, flags=re.IGNORECASE)
