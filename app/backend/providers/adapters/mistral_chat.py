"""The chat of Mistral, by its own protocol."""

from collections.abc import Sequence
from json import JSONDecodeError
from typing import Any, ClassVar

import httpx
from langchain_core.outputs import ChatGenerationChunk
from langchain_mistralai import ChatMistralAI
from pydantic import SecretStr
from typing_extensions import override

from app.backend.core.errors import AppError
from app.backend.providers.adapters.explained import (
    Explained,
    explain_address,
    explain_status,
)
from app.backend.providers.base import Embedded, ProviderModel
from app.backend.providers.pools import CONNECT_SECONDS, SECONDS
from app.backend.providers.public_only import PrivateAddress

_FAILURES = (
    httpx.HTTPError,
    httpx.StreamError,
    JSONDecodeError,
    KeyError,
    PrivateAddress,
)
_TIMEOUT = httpx.Timeout(SECONDS, connect=CONNECT_SECONDS)
_EMBED_TIMEOUT = httpx.Timeout(60, connect=CONNECT_SECONDS)
_LIST_SECONDS = 10


class MistralChat(Explained, ChatMistralAI):
    """A model of Mistral."""

    failures: ClassVar[tuple[type[Exception], ...]] = _FAILURES

    @property
    @override
    def place(self) -> str:
        """Where the service is."""
        return str(self.endpoint)

    @override
    def end_of(self, chunk: ChatGenerationChunk) -> str:
        """Return why the answer ended."""
        return str(chunk.message.response_metadata.get("finish_reason") or "")

    @override
    def explain(self, error: Exception) -> AppError:
        """Return what `error` means, and what to do about it."""
        return explain(error, place=self.place, remedy=self.remedy, model=self.model)


def open_client(
    place: str, key: SecretStr, transport: httpx.AsyncBaseTransport
) -> httpx.AsyncClient:
    """Return a client on connections of the process."""
    return httpx.AsyncClient(
        base_url=place,
        headers={
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Authorization": f"Bearer {key.get_secret_value()}",
        },
        timeout=_TIMEOUT,
        transport=transport,
    )


async def list_models(
    place: str, key: SecretStr, transport: httpx.AsyncBaseTransport, *, remedy: str
) -> list[ProviderModel]:
    """Return the models that the service lists.

    Raises:
        AppError: it does not answer, or refuses.
    """
    try:
        async with open_client(place, key, transport) as client:
            answer = await client.get("/models", timeout=_LIST_SECONDS)
            answer.raise_for_status()
            listed: list[dict[str, Any]] = answer.json()["data"]
    except _FAILURES as error:
        raise explain(error, place=place, remedy=remedy) from error
    return [_listed(item) for item in listed]


async def embed(
    place: str,
    model: str,
    texts: Sequence[str],
    *,
    key: SecretStr,
    transport: httpx.AsyncBaseTransport,
    remedy: str,
) -> Embedded:
    """Return the texts as vectors; the library's own embeddings do not say what was read.

    Raises:
        AppError: the service does not answer, or refuses.
    """
    asked = {"model": model, "input": list(texts)}
    try:
        async with open_client(place, key, transport) as client:
            answer = await client.post(
                "/embeddings", json=asked, timeout=_EMBED_TIMEOUT
            )
            answer.raise_for_status()
            told: dict[str, Any] = answer.json()
            made = sorted(told["data"], key=lambda one: one.get("index", 0))
            vectors = [one["embedding"] for one in made]
    except _FAILURES as error:
        raise explain(error, place=place, remedy=remedy, model=model) from error
    usage = told.get("usage") or {}
    return Embedded(vectors, usage.get("prompt_tokens"))


def explain(error: Exception, *, place: str, remedy: str, model: str = "") -> AppError:
    """Return what `error` means, and what to do about it."""
    refused = explain_address(error)
    if refused is not None:
        return refused
    status, retry_after, reason = None, "", str(error)
    if isinstance(error, httpx.HTTPStatusError):
        status, reason = error.response.status_code, _reason_of(error.response)
        retry_after = error.response.headers.get("retry-after", "")
    elif not isinstance(error, httpx.HTTPError):
        status = 500
    return explain_status(
        status,
        reason,
        place=place,
        remedy=remedy,
        model=model,
        retry_after=retry_after,
    )


def _listed(item: dict[str, Any]) -> ProviderModel:
    can: dict[str, Any] = item.get("capabilities") or {}
    return ProviderModel(
        str(item["id"]),
        item.get("max_context_length"),
        is_embedding=not can.get("completion_chat", True),
        can_call_tools=can.get("function_calling"),
        can_see=can.get("vision"),
    )


def _reason_of(answer: httpx.Response) -> str:
    try:
        told = answer.json()
    except (ValueError, httpx.ResponseNotRead):
        return answer.reason_phrase
    return str(told.get("message") or told.get("detail") or told)
