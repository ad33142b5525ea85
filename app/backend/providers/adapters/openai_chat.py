"""The chat of any service that speaks OpenAI's protocol."""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from json import JSONDecodeError
from typing import Any, cast
from urllib.parse import urlsplit

import openai
from langchain_core.exceptions import ContextOverflowError
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import SecretStr
from typing_extensions import override

from app.backend.core import tls
from app.backend.core.errors import AppError
from app.backend.providers.base import ProviderModel
from app.backend.providers.errors import (
    ContextOverflow,
    ModelBusy,
    ModelKeyRejected,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
    broken_off,
)

Chunks = AsyncGenerator[ChatGenerationChunk, None]

_OFFICIAL_HOST = "api.openai.com"
_OVERFLOW = re.compile(
    r"context.{0,20}(length|size|window)|exceed_context|prompt is too long",
    re.IGNORECASE,
)
_REASON_MAX = 300
_FAILURES = (openai.OpenAIError, ContextOverflowError, JSONDecodeError)


class CompatibleChat(ChatOpenAI):
    """A model behind an OpenAI-compatible URL, whose failures are ours to explain."""

    @override
    async def _astream(
        self, *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        stream = super()._astream(*args, **kwargs)
        is_whole = False
        try:
            async with aclosing(cast("Chunks", stream)) as chunks:
                async for chunk in chunks:
                    is_whole = is_whole or "finish_reason" in (
                        chunk.generation_info or {}
                    )
                    yield chunk
        except _FAILURES as error:
            raise self.explain(error) from error
        if not is_whole:
            raise broken_off(str(self.openai_api_base))

    @override
    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        try:
            return await super()._agenerate(*args, **kwargs)
        except _FAILURES as error:
            raise self.explain(error) from error

    def explain(self, error: Exception) -> AppError:
        """Return what `error` means, and what to do about it."""
        return explain(error, model=self.model_name, url=str(self.openai_api_base))

    @override
    def _get_request_payload(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        payload = super()._get_request_payload(*args, **kwargs)
        # OpenAI renamed the limit; the services that copy its protocol mostly know the old name only.
        if (
            urlsplit(str(self.openai_api_base)).hostname != _OFFICIAL_HOST
            and "max_completion_tokens" in payload
        ):
            payload["max_tokens"] = payload.pop("max_completion_tokens")
        return payload


def open_client(
    *, seconds: float | None, connect_seconds: float, is_proxied: bool = True
) -> openai.DefaultAsyncHttpxClient:
    """Return connections for models to share; an answer may take `seconds`, or for ever."""
    return openai.DefaultAsyncHttpxClient(
        timeout=openai.Timeout(seconds, connect=connect_seconds),
        trust_env=is_proxied,
        verify=tls.trusted(),
    )


async def list_models(
    *, base_url: str, api_key: SecretStr, http: openai.DefaultAsyncHttpxClient
) -> list[ProviderModel]:
    """Return the models that the service at `base_url` lists.

    Raises:
        AppError: the service does not answer.
    """
    client = openai.AsyncOpenAI(
        base_url=base_url,
        api_key=api_key.get_secret_value(),
        http_client=http,
        max_retries=0,
        timeout=5,
    )
    try:
        page = await client.models.list()
    except _FAILURES as error:
        raise explain(error, model="", url=base_url) from error
    return [ProviderModel(item.id) for item in page.data]


def explain(error: Exception, *, model: str, url: str) -> AppError:
    """Return what `error` means, and what to do about it."""
    reason = str(getattr(error, "message", "") or error)[:_REASON_MAX]
    if isinstance(error, ContextOverflowError) or _OVERFLOW.search(reason):
        body: Any = getattr(error, "body", None)
        sizes = body if isinstance(body, dict) else {}
        # llama.cpp's server says both.
        return ContextOverflow.of(sizes.get("n_ctx"), sizes.get("n_prompt_tokens"))
    match error:
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return ModelKeyRejected(
                f"The service at {url} rejects the key. Correct ATELIER_OPENAI_API_KEY."
            )
        case openai.NotFoundError():
            return ModelMissing(
                f"The service at {url} has no model {model!r}. Choose one that it lists."
            )
        case openai.RateLimitError():
            return ModelBusy(
                f"The service at {url} has had enough requests for now. Wait a little and try again.",
                retry_after=_retry_after(error),
            )
        case openai.BadRequestError() | openai.UnprocessableEntityError():
            return ModelRefused(f"The service at {url} refuses the request: {reason}")
        case openai.APITimeoutError() | openai.APIConnectionError():
            return ModelUnavailable(
                f"The service at {url} does not answer. Check that it runs and that the URL is right.",
                service=url,
            )
        case _:
            return ModelUnavailable(
                f"The service at {url} failed: {reason}", service=url
            )


def _retry_after(error: openai.RateLimitError) -> int:
    value = error.response.headers.get("retry-after", "")
    return int(value) if value.isdigit() else 30
