"""Ollama, by its own protocol."""

from collections.abc import Sequence

import httpx
from langchain_core.language_models import BaseChatModel

from app.backend.core import tls
from app.backend.providers.base import ChatOptions, ProviderModel

_TIMEOUT = httpx.Timeout(300, connect=10)


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
        from app.backend.providers.adapters import ollama_chat

        return await ollama_chat.list_models(
            self._url, context=self._context, transport=self._transport
        )

    def check(self, model: str) -> None:
        """Any name may be one that is pulled."""

    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        """Return the model called `model` by Ollama."""
        from app.backend.providers.adapters.ollama_chat import NativeOllama

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
