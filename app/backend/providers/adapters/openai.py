"""Any service that speaks OpenAI's chat protocol, by its URL and key."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from app.backend.providers.base import ChatOptions, ProviderModel

if TYPE_CHECKING:
    from openai import DefaultAsyncHttpxClient

OFFICIAL_HOST = "api.openai.com"


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

    @property
    def is_configured(self) -> bool:
        """Whether there is a URL."""
        return bool(self._base_url)

    @property
    def is_official(self) -> bool:
        """Whether it is OpenAI's own service, whose prices are known."""
        return urlsplit(self._base_url).hostname == OFFICIAL_HOST

    async def list_models(self) -> Sequence[ProviderModel]:
        """Return the models that the service lists."""
        from app.backend.providers.adapters import openai_chat

        return await openai_chat.list_models(
            base_url=self._base_url, api_key=self._api_key, http=self._http
        )

    def check(self, model: str) -> None:
        """Any name may be one of the service's."""

    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        """Return the model called `model` by the service."""
        from app.backend.providers.adapters.openai_chat import CompatibleChat

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
        if "_http" in vars(self):
            await self._http.aclose()

    @cached_property
    def _http(self) -> "DefaultAsyncHttpxClient":
        from app.backend.providers.adapters.openai_chat import open_client

        return open_client(seconds=120, connect_seconds=10)
