"""Ollama by its own protocol: its OpenAI-compatible routes ignore the window and cut prompts in silence."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from json import JSONDecodeError
from typing import Any, cast

import httpx
import ollama
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_ollama import ChatOllama
from typing_extensions import override

from app.backend.core import tls
from app.backend.core.errors import AppError
from app.backend.providers.adapters.openai import broken_off
from app.backend.providers.base import ChatOptions, ProviderModel
from app.backend.providers.errors import (
    ContextOverflow,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
)

Chunks = AsyncGenerator[ChatGenerationChunk, None]

_FAILURES = (ollama.ResponseError, ConnectionError, httpx.HTTPError, JSONDecodeError)
_TIMEOUT = httpx.Timeout(300, connect=10)


class NativeOllama(ChatOllama):
    """A model in Ollama; a prompt that Ollama would cut is an error, before or after it was sent."""

    @override
    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        sent = self._check_fits(messages)
        stream = super()._astream(messages, *args, **kwargs)
        is_whole = False
        try:
            async with aclosing(cast("Chunks", stream)) as chunks:
                async for chunk in chunks:
                    is_whole = is_whole or "done" in (chunk.generation_info or {})
                    self._check_evaluated(chunk, sent)
                    yield chunk
        except _FAILURES as error:
            raise self._explain(error) from error
        if not is_whole:
            raise broken_off(str(self.base_url))

    @override
    async def _agenerate(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> ChatResult:
        sent = self._check_fits(messages)
        try:
            result = await super()._agenerate(messages, *args, **kwargs)
        except _FAILURES as error:
            raise self._explain(error) from error
        for generation in result.generations:
            self._check_evaluated(generation, sent)
        return result

    def _check_fits(self, messages: Sequence[BaseMessage]) -> int:
        tokens = sum(count_tokens_least(message.text) for message in messages)
        if self.num_ctx and tokens > self.num_ctx:
            raise ContextOverflow.of(self.num_ctx, tokens)
        return tokens

    def _check_evaluated(self, chunk: Any, sent: int) -> None:
        evaluated: int | None = (chunk.generation_info or {}).get("prompt_eval_count")
        window = self.num_ctx or 0
        if evaluated and window and (evaluated < sent or evaluated >= window):
            raise ContextOverflow.of(window, max(evaluated, sent))

    def _explain(self, error: Exception) -> AppError:
        if isinstance(error, ollama.ResponseError):
            if error.status_code == 404:
                return ModelMissing(
                    f"Ollama has no model {self.model!r}. Run `ollama pull {self.model}`."
                )
            if "context" in error.error.lower():
                return ContextOverflow.of(self.num_ctx)
            return ModelRefused(f"Ollama refuses the request: {error.error}")
        return unavailable(str(self.base_url))


class OllamaProvider:
    """`ollama/<model>`: the server at ATELIER_OLLAMA_URL."""

    name = "ollama"
    label = "Ollama"
    how_to_configure = "Set ATELIER_OLLAMA_URL, e.g. http://127.0.0.1:11434."

    def __init__(self, url: str, *, context: int) -> None:
        self._url = url.rstrip("/")
        self._context = context
        self._transport = httpx.AsyncHTTPTransport(verify=tls.trusted())

    @property
    def is_configured(self) -> bool:
        """Whether there is a URL."""
        return bool(self._url)

    async def list_models(self) -> Sequence[ProviderModel]:
        """Return the models that are pulled."""
        try:
            found = await ollama.AsyncClient(
                self._url, timeout=5, transport=self._transport
            ).list()
        except _FAILURES as error:
            raise unavailable(self._url) from error
        return [
            ProviderModel(item.model.removesuffix(":latest"), self._context)
            for item in found.models
            if item.model
        ]

    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        """Return the model called `model` by Ollama."""
        return NativeOllama(
            model=model,
            base_url=self._url,
            num_ctx=self._context,
            num_predict=options.max_tokens,
            temperature=options.temperature,
            async_client_kwargs={"timeout": _TIMEOUT, "transport": self._transport},
        )

    def window_of(self, model: str) -> int | None:  # noqa: ARG002 - the same for all
        """Return the window that we ask for."""
        return self._context

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


def count_tokens_least(text: str) -> int:
    """Return a number of tokens that `text` has at least, whatever the tokenizer."""
    return len(text.split())


def unavailable(url: str) -> ModelUnavailable:
    """Return the error for an Ollama that does not answer."""
    message = (
        f"Ollama at {url} does not answer. Start it, or correct ATELIER_OLLAMA_URL."
    )
    return ModelUnavailable(message, service="ollama")
