"""Cache: the same question of the same person is answered from what was said before."""

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from pydantic import BaseModel, Field, ValidationError
from typing_extensions import override

from app.backend.core import clock, redis
from app.backend.middleware.answers import Gathered, answer_of
from app.backend.middleware.base import Ask, Form, Middleware, ModelRequest, TypeInfo
from app.backend.models.request import mark_unpaid

_SIZE_MAX = 256_000


class CacheForm(Form):
    """How long answers are kept."""

    seconds: int = Field(
        default=3600,
        ge=1,
        le=30 * 86_400,
        title="Keep for",
        description="Seconds after which an answer is forgotten.",
    )


class Kept(BaseModel):
    """An answer as it is kept; `at` is in seconds since 1970."""

    text: str
    calls: list[tuple[str, dict[str, Any]]]
    finish_reason: str
    at: float


class CacheMiddleware(Middleware):
    """Answers from Redis what the same person has asked the same model in the same words.

    It does nothing where a tool has effects: the model then has to decide anew.
    """

    info: ClassVar[TypeInfo] = TypeInfo(
        key="cache",
        label="Cache",
        about="Gives the same answer to the same question of the same person, for nothing.",
        form=CacheForm,
        priority=20,
    )

    @override
    async def __call__(
        self, request: ModelRequest, ask: Ask
    ) -> AsyncIterator[AIMessageChunk]:
        if request.caller.has_effects:
            async for chunk in ask(request):
                yield chunk
            return
        told, key = self.began(request), self._key(request)
        kept = await self._find(key)
        if kept is not None:
            age = _age(clock.now().timestamp() - kept.at)
            told.tell(f"Answered from the cache, kept {age} ago. No model was asked.")
            yield mark_unpaid(answer_of(kept.text, kept.calls, kept.finish_reason))
            return
        said = Gathered()
        async for chunk in ask(request):
            said.take(chunk)
            yield chunk
        told.again()
        if said.is_whole and await self._keep(key, said):
            told.tell(
                f"Kept the answer for {_age(self.settings.seconds)}.", phase="after"
            )

    async def _find(self, key: str) -> Kept | None:
        (value,) = await self.parts.memory.get(key) or [None]
        try:
            return Kept.model_validate_json(value) if value else None
        except ValidationError:
            return None

    async def _keep(self, key: str, said: Gathered) -> bool:
        kept = Kept(
            text=said.text,
            calls=said.calls(),
            finish_reason=said.finish_reason,
            at=clock.now().timestamp(),
        )
        value = kept.model_dump_json()
        return len(value) <= _SIZE_MAX and await self.parts.memory.keep(
            key, value, seconds=self.settings.seconds
        )

    def _key(self, request: ModelRequest) -> str:
        options = request.options
        whole = [
            str(request.caller.actor.user_id),
            # An answer that went through other rules is not given under these.
            self.parts.rules,
            request.model,
            [options.temperature, options.max_tokens, options.top_p],
            [_plain(message) for message in request.messages],
            list(request.tools or []),
        ]
        text = json.dumps(whole, ensure_ascii=False, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return redis.middleware(self.parts.place, f"cache:{digest}")


def _plain(message: BaseMessage) -> list[Any]:
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    answers = message.tool_call_id if isinstance(message, ToolMessage) else ""
    return [message.type, message.content, calls, answers]


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{max(0, round(seconds))} s"
    if seconds < 7200:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600)} h"
