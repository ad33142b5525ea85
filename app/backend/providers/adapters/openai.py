"""Any service that speaks OpenAI's chat protocol, by its URL and key."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from json import JSONDecodeError
from typing import Any, cast
from urllib.parse import urlsplit

import openai
from langchain_core.exceptions import ContextOverflowError
from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import SecretStr
from typing_extensions import override

from app.backend.core import tls
from app.backend.core.errors import AppError
from app.backend.providers.base import ChatOptions, ProviderModel
from app.backend.providers.errors import (
    ContextOverflow,
    ModelBusy,
    ModelKeyRejected,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
)

Chunks = AsyncGenerator[ChatGenerationChunk, None]

TIMEOUT = openai.Timeout(120, connect=10)
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


class OpenAIProvider:
    """`openai/<model>`: the service at ATELIER_OPENAI_BASE_URL."""

    name = "openai"
    label = "OpenAI-compatible service"
    how_to_configure = (
        "Set ATELIER_OPENAI_BASE_URL, and ATELIER_OPENAI_API_KEY if it asks for a key."
    )

    def __init__(self, base_url: str, api_key: SecretStr | None) -> None:
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key or SecretStr("none")
        self._http = openai.DefaultAsyncHttpxClient(
            timeout=TIMEOUT, verify=tls.trusted()
        )

    @property
    def is_configured(self) -> bool:
        """Whether there is a URL."""
        return bool(self._base_url)

    async def list_models(self) -> Sequence[ProviderModel]:
        """Return the models that the service lists."""
        client = openai.AsyncOpenAI(
            base_url=self._base_url,
            api_key=self._api_key.get_secret_value(),
            http_client=self._http,
            max_retries=0,
            timeout=5,
        )
        try:
            page = await client.models.list()
        except _FAILURES as error:
            raise explain(error, model="", url=self._base_url) from error
        return [ProviderModel(item.id) for item in page.data]

    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        """Return the model called `model` by the service."""
        return CompatibleChat(
            model=model,
            base_url=self._base_url,
            api_key=self._api_key,
            temperature=options.temperature,
            max_completion_tokens=options.max_tokens,
            http_async_client=self._http,
            max_retries=0,
            stream_usage=True,
            use_responses_api=False,
        )

    def window_of(self, model: str) -> int | None:  # noqa: ARG002 - the same for all
        """The protocol does not tell."""
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


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


def broken_off(url: str) -> ModelUnavailable:
    """Return the error for an answer whose end never came."""
    message = f"The service at {url} broke off in the middle of its answer. Try again."
    return ModelUnavailable(message, service=url, retry_after=1)


def _retry_after(error: openai.RateLimitError) -> int:
    value = error.response.headers.get("retry-after", "")
    return int(value) if value.isdigit() else 30
