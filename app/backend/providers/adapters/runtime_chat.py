"""The chat of the local model, over the OpenAI-compatible routes of the runtime."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

import openai
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from typing_extensions import override

from app.backend.core import clock
from app.backend.core.errors import AppError
from app.backend.providers.adapters.openai_chat import Chunks, CompatibleChat
from app.backend.providers.base import Notice, with_notice
from app.backend.providers.errors import (
    ContextOverflow,
    ModelBusy,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
    RuntimeLost,
)

_RETRY_PAUSE_SECONDS = 0.3


class RuntimeChat(CompatibleChat):
    """The local model; its chunks also say where the question is in the queue and that the model is loaded.

    A runtime that died is started again within seconds, so a question that has no text yet is asked again.
    """

    reconnect_seconds: float = 30.0

    @override
    async def _astream(
        self, *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        deadline = clock.monotonic() + self.reconnect_seconds
        has_text = is_announced = False
        while True:
            stream = super()._astream(*args, **kwargs)
            try:
                async with aclosing(cast("Chunks", stream)) as chunks:
                    async for chunk in chunks:
                        has_text = has_text or bool(chunk.text)
                        yield chunk
            except RuntimeLost:
                if has_text or clock.monotonic() > deadline:
                    raise
            else:
                return
            if not is_announced:
                is_announced = True
                notice = Notice(type="reconnecting").model_dump()
                yield ChatGenerationChunk(
                    message=with_notice(AIMessageChunk(content=""), notice)
                )
            await asyncio.sleep(_RETRY_PAUSE_SECONDS)

    @override
    def _get_request_payload(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        payload = super()._get_request_payload(*args, **kwargs)
        if payload.get("stream"):
            options = payload.get("stream_options") or {}
            payload["stream_options"] = {**options, "include_notices": True}
        return payload

    @override
    def _convert_chunk_to_generation_chunk(
        self,
        chunk: dict[str, Any],
        default_chunk_class: type,
        base_generation_info: dict[str, Any] | None,
    ) -> ChatGenerationChunk | None:
        converted = super()._convert_chunk_to_generation_chunk(
            chunk, default_chunk_class, base_generation_info
        )
        if (
            converted is not None
            and "notice" in chunk
            and isinstance(converted.message, AIMessageChunk)
        ):
            converted.message = with_notice(converted.message, chunk["notice"])
        return converted

    @override
    def explain(self, error: Exception) -> AppError:
        """Return what `error` means; the runtime's own sentences are passed on."""
        if isinstance(error, openai.APIConnectionError):
            return RuntimeLost(
                "The model runtime does not answer. It is started again by itself; try again. `atelier doctor` shows its state.",
                service="runtime",
                retry_after=5,
            )
        body: Any = getattr(error, "body", None)
        if isinstance(body, dict) and body.get("code"):
            return _of_code(str(body["code"]), str(body.get("message", "")))
        return super().explain(error)


def _of_code(code: str, message: str) -> AppError:
    match code:
        case ContextOverflow.code:
            return ContextOverflow(message)
        case ModelMissing.code:
            return ModelMissing(message)
        case ModelBusy.code:
            return ModelBusy(message)
        case ModelUnavailable.code:
            return ModelUnavailable(message, service="local model", retry_after=5)
        case _:
            return ModelRefused(message)
