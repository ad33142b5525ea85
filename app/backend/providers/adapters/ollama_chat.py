"""The chat of Ollama by its own protocol: its OpenAI-compatible routes ignore the window and cut prompts in silence."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from json import JSONDecodeError
from typing import Any, cast

import httpx
import ollama
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_ollama import ChatOllama
from typing_extensions import override

from app.backend.core.errors import AppError
from app.backend.providers.adapters.explained import sentence
from app.backend.providers.base import Embedded, ProviderModel
from app.backend.providers.errors import (
    ContextOverflow,
    ModelBusy,
    ModelKeyRejected,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
    broken_off,
    place_refused,
)
from app.backend.providers.handler import PullProgress
from app.backend.providers.public_only import PrivateAddress, refused_address

Chunks = AsyncGenerator[ChatGenerationChunk, None]

URL_SETTING = "Start it, or correct ATELIER_OLLAMA_URL."
_FAILURES = (
    ollama.ResponseError,
    ConnectionError,
    httpx.HTTPError,
    JSONDecodeError,
    PrivateAddress,
)


class NativeOllama(ChatOllama):
    """A model in Ollama; a prompt that Ollama would cut is an error, before or after it was sent."""

    remedy: str = URL_SETTING

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
            raise ContextOverflow.of(window)

    def _explain(self, error: Exception) -> AppError:
        if isinstance(error, ollama.ResponseError):
            if error.status_code == 404:
                return _missing(self.model)
            if "context" in error.error.lower():
                return ContextOverflow.of(self.num_ctx)
        return explain(error, str(self.base_url), self.remedy)


def _missing(model: str) -> ModelMissing:
    return ModelMissing(f"Ollama has no model {model!r}. Run `ollama pull {model}`.")


def count_tokens_least(text: str) -> int:
    """Return a number of tokens that `text` has at least, whatever the tokenizer."""
    return len(text.split())


async def list_models(
    url: str,
    *,
    context: int,
    transport: httpx.AsyncBaseTransport,
    headers: dict[str, str] | None = None,
    remedy: str = URL_SETTING,
) -> list[ProviderModel]:
    """Return the models that are pulled.

    Raises:
        AppError: Ollama does not answer, or refuses.
    """
    client = ollama.AsyncClient(
        url, timeout=5, transport=transport, headers=headers or {}
    )
    try:
        found = await client.list()
    except _FAILURES as error:
        raise explain(error, url, remedy) from error
    return [
        ProviderModel(item.model.removesuffix(":latest"), context)
        for item in found.models
        if item.model
    ]


async def pull(
    url: str,
    model: str,
    *,
    transport: httpx.AsyncBaseTransport,
    headers: dict[str, str],
    remedy: str,
) -> AsyncIterator[PullProgress]:
    """Let Ollama fetch a model, and tell how far it is.

    Raises:
        AppError: Ollama does not answer, or finds no such model.
    """
    timeout = httpx.Timeout(None, connect=10)
    client = ollama.AsyncClient(
        url, timeout=timeout, transport=transport, headers=headers
    )
    try:
        async for told in await client.pull(model, stream=True):
            yield PullProgress(
                status=told.status or "",
                completed=told.completed or 0,
                total=told.total or 0,
            )
    except _FAILURES as error:
        raise explain(error, url, remedy) from error


async def embed(
    url: str,
    model: str,
    texts: Sequence[str],
    *,
    transport: httpx.AsyncBaseTransport,
    headers: dict[str, str],
    remedy: str,
) -> Embedded:
    """Return the texts as vectors; one that is too long is an error, not cut.

    Raises:
        AppError: Ollama does not answer, or refuses.
    """
    timeout = httpx.Timeout(60, connect=10)
    client = ollama.AsyncClient(
        url, timeout=timeout, transport=transport, headers=headers
    )
    try:
        found = await client.embed(model, list(texts), truncate=False)
    except _FAILURES as error:
        if isinstance(error, ollama.ResponseError) and error.status_code == 404:
            raise _missing(model) from error
        raise explain(error, url, remedy) from error
    return Embedded(found.embeddings, found.prompt_eval_count)


def explain(error: Exception, url: str, remedy: str) -> AppError:
    """Return what `error` means, and what to do about it."""
    refusal = refused_address(error)
    if refusal is not None:
        return place_refused(refusal)
    match error:
        case ollama.ResponseError(status_code=401 | 403):
            return ModelKeyRejected(f"Ollama at {url} asks for another key. {remedy}")
        case ollama.ResponseError(status_code=429):
            message = f"Ollama at {url} has had enough requests for now. Wait a little and try again."
            return ModelBusy(message)
        case ollama.ResponseError(status_code=status) if status >= 500:
            return ModelUnavailable(
                f"Ollama at {url} failed: {sentence(error.error)}", service="ollama"
            )
        case ollama.ResponseError():
            return ModelRefused(f"Ollama refuses the request: {sentence(error.error)}")
        case _:
            return ModelUnavailable(
                f"Ollama at {url} does not answer. {remedy}", service="ollama"
            )
