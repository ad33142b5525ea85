"""The chat of Anthropic, by its own library."""

from functools import cached_property
from json import JSONDecodeError
from typing import Any, ClassVar

import anthropic
import httpx2
from langchain_anthropic import ChatAnthropic
from langchain_core.outputs import ChatGenerationChunk
from pydantic import SecretStr
from typing_extensions import override

from app.backend.core.errors import AppError
from app.backend.providers.adapters.explained import (
    Explained,
    explain_address,
    explain_status,
)
from app.backend.providers.base import ProviderModel
from app.backend.providers.pools import CONNECT_SECONDS, SECONDS
from app.backend.providers.public_only import PrivateAddress

_FAILURES = (
    anthropic.AnthropicError,
    httpx2.HTTPError,
    JSONDecodeError,
    PrivateAddress,
)
_TIMEOUT = httpx2.Timeout(SECONDS, connect=CONNECT_SECONDS)
_LIST_SECONDS = 10
_LISTED_MAX = 1000
_ENDS = {"max_tokens": "length", "tool_use": "tool_calls"}
# A failure in the middle of an answer has no status of its own.
_STATUS = {
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "invalid_request_error": 400,
    "request_too_large": 400,
}


class AnthropicChat(Explained, ChatAnthropic):
    """A model of Anthropic, or behind a URL that speaks its protocol."""

    failures: ClassVar[tuple[type[Exception], ...]] = _FAILURES
    http: Any = None

    @property
    @override
    def place(self) -> str:
        """Where the service is."""
        return str(self.anthropic_api_url)

    @cached_property
    @override
    def _async_client(self) -> anthropic.AsyncClient:
        return open_client(self.place, self.anthropic_api_key, self.http)

    @override
    def end_of(self, chunk: ChatGenerationChunk) -> str:
        """Return why the answer ended."""
        reason = chunk.message.response_metadata.get("stop_reason")
        return _ENDS.get(reason, "stop") if reason else ""

    @override
    def explain(self, error: Exception) -> AppError:
        """Return what `error` means, and what to do about it."""
        return explain(error, place=self.place, remedy=self.remedy, model=self.model)


def open_client(place: str, key: SecretStr, http: Any) -> anthropic.AsyncClient:
    """Return a client of the library on connections of the process; it asks once."""
    client = anthropic.AsyncClient(
        api_key=key.get_secret_value(),
        base_url=place,
        http_client=http,
        max_retries=0,
        timeout=_TIMEOUT,
    )
    # The library takes them from the environment of this process; they would go to an address that a person wrote.
    client._custom_headers = {}  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - it has no other way
    return client


async def list_models(
    place: str, key: SecretStr, http: Any, *, remedy: str
) -> list[ProviderModel]:
    """Return the models that the service lists.

    Raises:
        AppError: it does not answer, or refuses.
    """
    client = open_client(place, key, http)
    try:
        page = await client.models.list(limit=_LISTED_MAX, timeout=_LIST_SECONDS)
    except _FAILURES as error:
        raise explain(error, place=place, remedy=remedy) from error
    return [ProviderModel(item.id, can_call_tools=True) for item in page.data]


def explain(error: Exception, *, place: str, remedy: str, model: str = "") -> AppError:
    """Return what `error` means, and what to do about it."""
    refused = explain_address(error)
    if refused is not None:
        return refused
    reason = str(getattr(error, "message", "") or error)
    status, retry_after = None, ""
    if isinstance(error, anthropic.APIStatusError):
        status = error.status_code
        retry_after = error.response.headers.get("retry-after", "")
        if status < 400:
            status = _STATUS.get(_type_of(error.body), 500)
    elif not isinstance(error, anthropic.APIConnectionError | httpx2.HTTPError):
        status = 500
    return explain_status(
        status,
        reason,
        place=place,
        remedy=remedy,
        model=model,
        retry_after=retry_after,
    )


def _type_of(body: object) -> str:
    told: Any = body if isinstance(body, dict) else {}
    return str((told.get("error") or {}).get("type", ""))
