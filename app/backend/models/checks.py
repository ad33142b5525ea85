"""Tries a provider out, stage by stage, and says which one fails and exactly why."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from langchain_core.messages import HumanMessage
from pydantic import BaseModel, ConfigDict

from app.backend.core import clock, tls
from app.backend.core.errors import AppError
from app.backend.models.chosen import ChosenModel, OpenEmbedder, OpenModel
from app.backend.models.offers import cheapest, describe, list_offers
from app.backend.models.schemas import ModelKind
from app.backend.providers.base import ChatOptions, ProviderModel
from app.backend.providers.errors import (
    ModelBusy,
    ModelKeyRejected,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
)
from app.backend.providers.handler import Handler
from app.backend.providers.public_only import PrivateAddress, check_public, resolve

CONNECT_SECONDS = 5.0
CHAT_SECONDS = 60.0
# The least that every service allows.
_TOKENS = 16
_TOOL_TOKENS = 200
# How an embedding model says that it is not for this key, or not now; the others may answer all the same.
_NO_VECTORS = (
    ModelBusy,
    ModelKeyRejected,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
)
_ADD: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}


class CheckStage(StrEnum):
    """The stages, in their order."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    AUTHENTICATE = "authenticate"
    LIST = "list"
    CHAT = "chat"
    TOOLS = "tools"
    EMBEDDING = "embedding"


class CheckStatus(StrEnum):
    """How a stage ended: `skipped` has nothing to try, `limited` works with less."""

    OK = "ok"
    LIMITED = "limited"
    SKIPPED = "skipped"
    FAILED = "failed"


class CheckResult(BaseModel):
    """A stage, how it ended, and what was seen."""

    model_config = ConfigDict(frozen=True)

    stage: CheckStage
    status: CheckStatus
    detail: str
    milliseconds: float = 0


Outcome = tuple[CheckStatus, str]


@dataclass
class _Check:
    handler: Handler
    model: str
    embedder: str = ""
    is_embedder_named: bool = False
    has_listed: bool = False
    address: str = ""

    def __post_init__(self) -> None:
        described = describe(self.handler.info, ProviderModel(self.model))
        if described.kind is ModelKind.EMBEDDING:
            self.model, self.embedder = "", self.model
            self.is_embedder_named = True

    async def resolve(self) -> Outcome:
        if not self.handler.address:
            return CheckStatus.SKIPPED, "There is no address to connect to."
        if self._has_proxy():
            return CheckStatus.SKIPPED, "Asked through the proxy of the environment."
        host, port, _ = self._place()
        try:
            found = (
                await resolve(host, port)
                if self.handler.connection.is_trusted
                else await check_public(host, port)
            )
        except PrivateAddress as error:
            raise ModelRefused(str(error)) from None
        except OSError as error:
            message = f"There is no host {host!r} ({error.strerror or error}). Correct the address."
            raise ModelUnavailable(message, service=host) from error
        self.address = found[0]
        is_address = host == self.address
        said = "It is an address." if is_address else f"{host} is {self.address}."
        return CheckStatus.OK, said

    async def connect(self) -> Outcome:
        if not self.address:
            return CheckStatus.SKIPPED, "There is nothing to connect to here."
        host, port, is_safe = self._place()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(
                    self.address,
                    port,
                    ssl=tls.trusted() if is_safe else None,
                    server_hostname=host if is_safe else None,
                )
            writer.close()
        except ssl.SSLError as error:
            message = f"{host} does not prove who it is ({error.reason or error}). Check the address, or whether it should begin with http://."
            raise ModelUnavailable(message, service=host) from error
        except TimeoutError as error:
            message = f"Nothing answers at {host}:{port} within {CONNECT_SECONDS:.0f} s. Check the address, and whether a firewall is in between."
            raise ModelUnavailable(message, service=host) from error
        except OSError as error:
            message = f"Nothing listens at {host}:{port} ({error.strerror or error}). Start the service, or correct the address."
            raise ModelUnavailable(message, service=host) from error
        return (
            CheckStatus.OK,
            f"Connected to port {port}{' with TLS' if is_safe else ''}.",
        )

    async def authenticate(self) -> Outcome:
        if await self.handler.check_key():
            has_key = self.handler.connection.key is not None
            return (
                CheckStatus.OK,
                "The key is accepted." if has_key else "No key is asked for.",
            )
        return CheckStatus.SKIPPED, "Only a question shows whether the key is good."

    async def list(self) -> Outcome:
        offers = await list_offers(self.handler)
        if not self.embedder:
            self.model = self.model or cheapest(offers, ModelKind.CHAT)
        self.embedder = self.embedder or cheapest(offers, ModelKind.EMBEDDING)
        self.has_listed = bool(offers)
        if not offers:
            return CheckStatus.SKIPPED, "It does not list its models."
        return (
            CheckStatus.OK,
            f"{len(offers)} {'model' if len(offers) == 1 else 'models'}.",
        )

    async def chat(self) -> Outcome:
        if not self.model:
            return CheckStatus.SKIPPED, self._no_chat("to ask it something")
        began = clock.monotonic()
        text, _ = await self._ask("Say: OK", _TOKENS, with_tool=False)
        seconds = clock.monotonic() - began
        said = f"said {text.strip()[:40]!r}" if text.strip() else "answered"
        return CheckStatus.OK, f"{self.model} {said} after {seconds:.1f} s."

    async def tools(self) -> Outcome:
        if not self.model:
            return CheckStatus.SKIPPED, self._no_chat("to see whether it calls tools")
        limited = f"{self.model} answers, but calls no tools."
        try:
            _, has_called = await self._ask(
                "What is 2 plus 3? Call the tool add.", _TOOL_TOKENS, with_tool=True
            )
        except ModelRefused as error:
            return CheckStatus.LIMITED, f"{limited} {error.message}"
        if has_called:
            return CheckStatus.OK, f"{self.model} called the tool."
        return CheckStatus.LIMITED, limited

    async def embedding(self) -> Outcome:
        if not self.handler.can_embed:
            said = f"{self.handler.info.label} makes no vectors here."
            return CheckStatus.SKIPPED, said
        if not self.embedder:
            return CheckStatus.SKIPPED, self._no_embedder()
        try:
            size = await self._embed()
        except _NO_VECTORS as error:
            # That the key is good is known only when a model has answered.
            is_bad_key = isinstance(error, ModelKeyRejected) and not self.model
            if self.is_embedder_named or is_bad_key:
                raise
            said = f"{self.embedder} makes no vectors here. {error.message}"
            return CheckStatus.LIMITED, said
        return CheckStatus.OK, f"{self.embedder} made a vector of {size:,} numbers."

    async def _embed(self) -> int:
        opened = OpenEmbedder(self._chosen(self.embedder))
        try:
            async with asyncio.timeout(CHAT_SECONDS):
                found = await opened.embed(["OK"])
        except TimeoutError as error:
            message = f"{self.embedder} made no vector within {CHAT_SECONDS:.0f} s. Try another model."
            raise ModelUnavailable(message, service=self.handler.name) from error
        size = len(found.vectors[0])
        if not size:
            message = f"{self.embedder} made an empty vector. Try another model."
            raise ModelRefused(message)
        return size

    async def _ask(
        self, question: str, tokens: int, *, with_tool: bool
    ) -> tuple[str, bool]:
        handler = self.handler
        chosen = self._chosen(self.model)
        chat = handler.make(
            self.model, ChatOptions(temperature=None, max_tokens=tokens)
        )
        asked = OpenModel(chosen, chat, [_ADD] if with_tool else None)
        text, has_called = "", False
        try:
            async with (
                asyncio.timeout(CHAT_SECONDS),
                aclosing(asked.stream([HumanMessage(question)])) as chunks,
            ):
                async for chunk in chunks:
                    text += chunk.text
                    has_called = has_called or bool(chunk.tool_call_chunks)
        except TimeoutError as error:
            message = f"{self.model} gave no answer within {CHAT_SECONDS:.0f} s. Try another model."
            raise ModelUnavailable(message, service=handler.name) from error
        return text, has_called

    def _chosen(self, model: str) -> ChosenModel:
        handler = self.handler
        return ChosenModel(
            name=f"{handler.name}/{model}",
            model=model,
            provider=handler,
            service=handler.name,
        )

    def _no_chat(self, purpose: str) -> str:
        if self.embedder:
            return f"{self.embedder} makes vectors and answers nothing."
        return f"Name a model {purpose}."

    def _no_embedder(self) -> str:
        if self.has_listed:
            return "It lists no embedding model."
        return "Name an embedding model to see whether it makes vectors."

    def _place(self) -> tuple[str, int, bool]:
        parts = urlsplit(self.handler.address)
        is_safe = parts.scheme == "https"
        return parts.hostname or "", parts.port or (443 if is_safe else 80), is_safe

    def _has_proxy(self) -> bool:
        # Ollama is always asked directly.
        asks_proxy = (
            self.handler.connection.is_trusted and not self.handler.info.is_local
        )
        return asks_proxy and urlsplit(self.handler.address).scheme in getproxies()


async def check(handler: Handler, *, model: str = "") -> AsyncIterator[CheckResult]:
    """Yield how each stage ended, as it ends; nothing comes after one that failed.

    Without a `model` the cheapest of those that are listed is asked, and so is the cheapest of those that make vectors;
    when that one refuses, the connection is `limited`, since nobody chose it.
    """
    tried = _Check(handler, model)
    stages: dict[CheckStage, Callable[[], Awaitable[Outcome]]] = {
        CheckStage.RESOLVE: tried.resolve,
        CheckStage.CONNECT: tried.connect,
        CheckStage.AUTHENTICATE: tried.authenticate,
        CheckStage.LIST: tried.list,
        CheckStage.CHAT: tried.chat,
        CheckStage.TOOLS: tried.tools,
        CheckStage.EMBEDDING: tried.embedding,
    }
    for stage, attempt in stages.items():
        began = clock.monotonic()
        try:
            status, detail = await attempt()
        except AppError as error:  # lint-skip: edge-catch - it is what the stage tells
            status, detail = CheckStatus.FAILED, error.message
        milliseconds = round((clock.monotonic() - began) * 1000, 1)
        yield CheckResult(
            stage=stage, status=status, detail=detail, milliseconds=milliseconds
        )
        if status is CheckStatus.FAILED:
            return
