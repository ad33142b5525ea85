"""Ollama, by its own protocol."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

import httpx
from langchain_core.language_models import BaseChatModel
from pydantic import Field
from typing_extensions import override

from app.backend.core import tls
from app.backend.providers.base import ChatOptions, Embedded, ProviderModel
from app.backend.providers.handler import (
    Form,
    Handler,
    KeyNeed,
    PullProgress,
    TypeInfo,
    Url,
)

_TIMEOUT = httpx.Timeout(300, connect=10)
_LOOK_SECONDS = 1.0
# This machine, the host of a container, and the service of our compose file.
USUAL = (
    "http://127.0.0.1:11434",
    "http://host.docker.internal:11434",
    "http://ollama:11434",
)


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


async def find_server() -> str:
    """Return the URL of an Ollama at one of the usual addresses; empty when there is none."""
    async with httpx.AsyncClient(
        timeout=_LOOK_SECONDS, trust_env=False, verify=tls.trusted()
    ) as client:
        found = await asyncio.gather(*(_answers(client, url) for url in USUAL))
    return next(
        (url for url, is_there in zip(USUAL, found, strict=True) if is_there), ""
    )


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        answer = await client.get(f"{url}/api/version")
        return "version" in answer.json()
    except (httpx.HTTPError, ValueError):
        return False


class OllamaForm(Form):
    """Where Ollama is, and how much of a conversation its models see."""

    base_url: Url = Field(default="http://127.0.0.1:11434", title="URL")
    context: int = Field(
        default=8192,
        ge=512,
        le=10_000_000,
        title="Context window",
        description="Tokens that are asked of Ollama when the model itself says nothing else; more needs more memory.",
    )


class OllamaHandler(Handler):
    """A server of Ollama."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="ollama",
        label="Ollama",
        about="Open models on this machine or in your network; no key, nothing leaves it.",
        form=OllamaForm,
        key_need=KeyNeed.OPTIONAL,
        key_hint="Only for a server behind a proxy that asks for one.",
        icon="hard_drive",
        hosts=("your Ollama:11434",),
        is_local=True,
        can_pull=True,
    )
    chat_module: ClassVar[str] = "ollama_chat"

    @override
    async def list_models(self) -> Sequence[ProviderModel]:
        from app.backend.providers.adapters import ollama_chat

        return await ollama_chat.list_models(
            self.address,
            context=self.connection.settings.context,
            transport=self._transport,
            headers=self._headers,
            remedy=self._remedy,
        )

    @override
    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        from app.backend.providers.adapters.ollama_chat import NativeOllama

        return NativeOllama(
            model=model,
            base_url=self.address,
            num_ctx=options.window or self.connection.settings.context,
            num_predict=options.max_tokens,
            temperature=options.temperature,
            top_p=options.top_p,
            async_client_kwargs={
                "timeout": _TIMEOUT,
                "transport": self._transport,
                "headers": self._headers,
            },
            remedy=self._remedy,
        )

    @override
    async def embed(self, model: str, texts: Sequence[str]) -> Embedded:
        from app.backend.providers.adapters import ollama_chat

        return await ollama_chat.embed(
            self.address,
            model,
            texts,
            transport=self._transport,
            headers=self._headers,
            remedy=self._remedy,
        )

    @override
    def window_of(self, model: str) -> int | None:
        return self.connection.settings.context

    @override
    def pull(self, model: str) -> AsyncIterator[PullProgress]:
        from app.backend.providers.adapters import ollama_chat

        return ollama_chat.pull(
            self.address,
            model,
            transport=self._transport,
            headers=self._headers,
            remedy=self._remedy,
        )

    @property
    def _transport(self) -> httpx.AsyncBaseTransport:
        connection = self.connection
        return connection.pools.transport(is_trusted=connection.is_trusted)

    @property
    def _headers(self) -> dict[str, str]:
        # Without one the library sends the OLLAMA_API_KEY of this process to an address that a person wrote.
        return {"Authorization": f"Bearer {self.key.get_secret_value()}"}

    @property
    def _remedy(self) -> str:
        return f"Start it, or correct the provider {self.name!r} under Models."
