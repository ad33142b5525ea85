"""Chat models of vendors' libraries, whose failures become errors that a person understands."""

import re
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, ClassVar, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from typing_extensions import override

from app.backend.core.errors import AppError
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
from app.backend.providers.public_only import refused_address
from app.backend.providers.retry_after import parse

_OVERFLOW = re.compile(
    r"context.{0,20}(length|size|window)|exceed_context|(prompt|input).{0,20}too (long|large)",
    re.IGNORECASE,
)
_REASON_MAX = 300


class Explained(BaseChatModel):
    """Mixed into a vendor's chat: `remedy` says where the key is corrected."""

    failures: ClassVar[tuple[type[Exception], ...]]
    remedy: str = ""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where the service is."""

    @override
    async def _astream(
        self, *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        stream = super()._astream(*args, **kwargs)
        is_whole = False
        try:
            async with aclosing(
                cast("AsyncGenerator[ChatGenerationChunk, None]", stream)
            ) as chunks:
                async for chunk in chunks:
                    reason = self.end_of(chunk)
                    if reason:
                        is_whole = True
                        chunk.message.response_metadata["finish_reason"] = reason
                    yield chunk
        except self.failures as error:
            raise self.explain(error) from error
        if not is_whole:
            raise broken_off(self.place)

    @override
    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        try:
            return await super()._agenerate(*args, **kwargs)
        except self.failures as error:
            raise self.explain(error) from error

    @abstractmethod
    def end_of(self, chunk: ChatGenerationChunk) -> str:
        """Return why the answer ended, in OpenAI's words, when `chunk` says that it did; nothing before."""

    @abstractmethod
    def explain(self, error: Exception) -> AppError:
        """Return what `error` means, and what to do about it."""


def sentence(reason: str) -> str:
    """Return what a service said, short and with a full stop."""
    said = reason.strip()[:_REASON_MAX].rstrip(".")
    return f"{said}."


def explain_status(
    status: int | None,
    reason: str,
    *,
    place: str,
    remedy: str,
    model: str = "",
    retry_after: str = "",
) -> AppError:
    """Return what an answer with an HTTP status other than 2xx means; None: there was no answer."""
    said = sentence(reason)
    match status:
        case None:
            message = f"The service at {place} does not answer. Check that it runs and that the URL is right."
            return ModelUnavailable(message, service=place)
        case 401 | 403:
            return ModelKeyRejected(f"The service at {place} rejects the key. {remedy}")
        case 404:
            message = f"The service at {place} has no model {model!r}. Choose one that it lists."
            return ModelMissing(message)
        case 429:
            message = f"The service at {place} has had enough requests for now. Wait a little and try again."
            return ModelBusy(message, pause=parse(retry_after))
        case _ if 400 <= status < 500 and _OVERFLOW.search(said):
            return ContextOverflow.of()
        case _ if 400 <= status < 500:
            return ModelRefused(f"The service at {place} refuses the request: {said}")
        case _:
            message = f"The service at {place} failed: {said}"
            return ModelUnavailable(message, service=place, pause=parse(retry_after))


def explain_address(error: Exception) -> AppError | None:
    """Return the error when the address of the service may not be reached."""
    refusal = refused_address(error)
    return place_refused(refusal) if refusal is not None else None
