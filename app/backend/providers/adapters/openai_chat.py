"""The chat of any service that speaks OpenAI's protocol."""

import re
from collections.abc import AsyncGenerator, Sequence
from json import JSONDecodeError
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

import httpcore2
import httpx2
import openai
from langchain_core.exceptions import ContextOverflowError
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import AzureChatOpenAI, ChatOpenAI
from pydantic import SecretStr, model_validator
from typing_extensions import override

from app.backend.core import tls
from app.backend.core.errors import AppError
from app.backend.providers.adapters.explained import (
    Explained,
    explain_address,
    sentence,
)
from app.backend.providers.adapters.openai import OFFICIAL_HOST
from app.backend.providers.base import Embedded, ProviderModel
from app.backend.providers.errors import (
    ContextOverflow,
    ModelBusy,
    ModelKeyRejected,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
)
from app.backend.providers.public_only import PrivateAddress, make_transport
from app.backend.providers.retry_after import parse

Chunks = AsyncGenerator[ChatGenerationChunk, None]

_BAD_KEY = re.compile(r"api.?key.{0,10}(not valid|invalid)", re.IGNORECASE)
KEY_SETTING = "Correct ATELIER_OPENAI_API_KEY."
_OVERFLOW = re.compile(
    r"context.{0,20}(length|size|window)|exceed_context|prompt is too long",
    re.IGNORECASE,
)
_LIST_SECONDS = 5
_EMBED_SECONDS = 60
_FAILURES = (
    openai.OpenAIError,
    ContextOverflowError,
    JSONDecodeError,
    PrivateAddress,
)


class CompatibleChat(Explained, ChatOpenAI):
    """A model behind an OpenAI-compatible URL, whose failures are ours to explain."""

    failures: ClassVar[tuple[type[Exception], ...]] = _FAILURES
    remedy: str = KEY_SETTING

    @model_validator(mode="after")
    def _forget_environment(self) -> Self:
        _forget_environment(self.root_async_client)
        return self

    @property
    @override
    def place(self) -> str:
        """Where the service is."""
        return str(self.openai_api_base)

    @override
    def end_of(self, chunk: ChatGenerationChunk) -> str:
        """Return why the answer ended."""
        return _end_of(chunk)

    @override
    def explain(self, error: Exception) -> AppError:
        """Return what `error` means, and what to do about it."""
        return explain(error, model=self.model_name, url=self.place, remedy=self.remedy)

    @override
    def _get_request_payload(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        payload = super()._get_request_payload(*args, **kwargs)
        # OpenAI renamed the limit; the services that copy its protocol mostly know the old name only.
        if (
            urlsplit(str(self.openai_api_base)).hostname != OFFICIAL_HOST
            and "max_completion_tokens" in payload
        ):
            payload["max_tokens"] = payload.pop("max_completion_tokens")
        return payload


class AzureChat(Explained, AzureChatOpenAI):
    """A model that is deployed in Azure."""

    failures: ClassVar[tuple[type[Exception], ...]] = _FAILURES

    @model_validator(mode="after")
    def _forget_environment(self) -> Self:
        _forget_environment(self.root_async_client)
        return self

    @property
    @override
    def place(self) -> str:
        """Where the service is."""
        return str(self.azure_endpoint)

    @override
    def end_of(self, chunk: ChatGenerationChunk) -> str:
        """Return why the answer ended."""
        return _end_of(chunk)

    @override
    def explain(self, error: Exception) -> AppError:
        """Return what `error` means, and what to do about it."""
        model = str(self.deployment_name)
        return explain(error, model=model, url=self.place, remedy=self.remedy)


def open_client(
    *,
    seconds: float | None,
    connect_seconds: float,
    is_proxied: bool = True,
    is_public_only: bool = False,
) -> openai.DefaultAsyncHttpxClient:
    """Return connections for models to share; an answer may take `seconds`, or for ever."""
    return openai.DefaultAsyncHttpxClient(
        timeout=openai.Timeout(seconds, connect=connect_seconds),
        trust_env=is_proxied and not is_public_only,
        verify=tls.trusted(),
        **({"transport": make_transport(httpx2, httpcore2)} if is_public_only else {}),
    )


async def list_models(
    *,
    base_url: str,
    api_key: SecretStr,
    http: openai.DefaultAsyncHttpxClient,
    remedy: str = KEY_SETTING,
) -> list[ProviderModel]:
    """Return the models that the service at `base_url` lists, with what it says of them.

    Raises:
        AppError: the service does not answer.
    """
    try:
        page = await _client(base_url, api_key, http).models.list()
    except _FAILURES as error:
        raise explain(error, model="", url=base_url, remedy=remedy) from error
    return [_listed(item) for item in page.data]


async def ask(
    path: str,
    *,
    base_url: str,
    api_key: SecretStr,
    http: openai.DefaultAsyncHttpxClient,
    remedy: str,
) -> None:
    """Ask the service for something whose answer does not matter.

    Raises:
        AppError: the service does not answer, or refuses.
    """
    try:
        await _client(base_url, api_key, http).get(path, cast_to=object)
    except _FAILURES as error:
        raise explain(error, model="", url=base_url, remedy=remedy) from error


async def embed(
    model: str,
    texts: Sequence[str],
    *,
    base_url: str,
    api_key: SecretStr,
    http: openai.DefaultAsyncHttpxClient,
    remedy: str,
) -> Embedded:
    """Return the texts as vectors.

    Raises:
        AppError: the service does not answer, or refuses.
    """
    client = _client(base_url, api_key, http)
    return await _embed(client, model, texts, url=base_url, remedy=remedy)


async def embed_in_azure(
    deployment: str,
    texts: Sequence[str],
    *,
    endpoint: str,
    api_version: str,
    api_key: SecretStr,
    http: openai.DefaultAsyncHttpxClient,
    remedy: str,
) -> Embedded:
    """Return the texts as vectors of a model that is deployed in Azure.

    Raises:
        AppError: the service does not answer, or refuses.
    """
    client = openai.AsyncAzureOpenAI(
        azure_endpoint=endpoint,
        azure_deployment=deployment,
        api_version=api_version,
        api_key=api_key.get_secret_value(),
        http_client=http,
        max_retries=0,
    )
    _forget_environment(client)
    return await _embed(client, deployment, texts, url=endpoint, remedy=remedy)


async def _embed(
    client: openai.AsyncOpenAI,
    model: str,
    texts: Sequence[str],
    *,
    url: str,
    remedy: str,
) -> Embedded:
    try:
        found = await client.embeddings.create(
            model=model,
            input=list(texts),
            encoding_format="float",
            timeout=_EMBED_SECONDS,
        )
    except _FAILURES as error:
        raise explain(error, model=model, url=url, remedy=remedy) from error
    vectors = [
        one.embedding for one in sorted(found.data, key=lambda one: one.index or 0)
    ]
    # Some services that copy the protocol leave it out.
    usage: Any = found.usage
    return Embedded(vectors, usage.prompt_tokens if usage else None)


def explain(
    error: Exception, *, model: str, url: str, remedy: str = KEY_SETTING
) -> AppError:
    """Return what `error` means, and what to do about it."""
    refused = explain_address(error)
    if refused is not None:
        return refused
    reason = sentence(str(getattr(error, "message", "") or error))
    if isinstance(error, ContextOverflowError) or _OVERFLOW.search(reason):
        body: Any = getattr(error, "body", None)
        sizes = body if isinstance(body, dict) else {}
        # llama.cpp's server says both.
        return ContextOverflow.of(sizes.get("n_ctx"), sizes.get("n_prompt_tokens"))
    if _BAD_KEY.search(reason):
        # Google says so with a status that means something else.
        return ModelKeyRejected(f"The service at {url} rejects the key. {remedy}")
    match error:
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return ModelKeyRejected(f"The service at {url} rejects the key. {remedy}")
        case openai.NotFoundError():
            return ModelMissing(
                f"The service at {url} has no model {model!r}. Choose one that it lists."
            )
        case openai.RateLimitError():
            return ModelBusy(
                f"The service at {url} has had enough requests for now. Wait a little and try again.",
                pause=_pause(error),
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
                f"The service at {url} failed: {reason}",
                service=url,
                pause=_pause(error),
            )


def _end_of(chunk: ChatGenerationChunk) -> str:
    return str((chunk.generation_info or {}).get("finish_reason") or "")


def _client(
    base_url: str, api_key: SecretStr, http: openai.DefaultAsyncHttpxClient
) -> openai.AsyncOpenAI:
    client = openai.AsyncOpenAI(
        base_url=base_url,
        api_key=api_key.get_secret_value(),
        http_client=http,
        max_retries=0,
        timeout=_LIST_SECONDS,
    )
    _forget_environment(client)
    return client


def _forget_environment(client: openai.AsyncOpenAI) -> None:
    # The library takes them from the environment of this process; they would go to an address that a person wrote.
    client.organization = client.project = client.admin_api_key = None
    client._custom_headers = {}  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - it has no other way


def _pause(error: Exception) -> int | None:
    if not isinstance(error, openai.APIStatusError):
        return None
    return parse(error.response.headers.get("retry-after", ""))


def _listed(item: Any) -> ProviderModel:
    # OpenRouter, llama.cpp's server and others say more than OpenAI does.
    said: dict[str, Any] = item.model_extra or {}
    meta = said.get("meta") or {}
    prices = said.get("pricing") or {}
    supported = said.get("supported_parameters")
    context = said.get("context_length") or said.get("max_model_len")
    return ProviderModel(
        item.id,
        context or meta.get("n_ctx") or meta.get("n_ctx_train"),
        can_call_tools=None if supported is None else "tools" in supported,
        price_in=_per_million(prices.get("prompt")),
        price_out=_per_million(prices.get("completion")),
        price_cached=_per_million(prices.get("input_cache_read")),
    )


def _per_million(price: str | None) -> float | None:
    try:
        return round(float(price) * 1e6, 6) if price is not None else None
    except ValueError:
        return None
