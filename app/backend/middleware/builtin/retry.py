"""Retry: how often, and after which pauses, a model is asked again that does not answer."""

from collections.abc import AsyncIterator
from functools import partial
from typing import ClassVar

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from pydantic import Field
from typing_extensions import override

from app.backend.core.run_events import RetryScheduled
from app.backend.middleware.answers import counted_with, has_words
from app.backend.middleware.base import Ask, Form, Middleware, ModelRequest, TypeInfo
from app.backend.models.patience import Patience, Pause, patiently


class RetryForm(Form):
    """How patient it is."""

    attempts: int = Field(
        default=5,
        ge=1,
        le=10,
        title="Attempts",
        description="How often the model is asked in all; 1: never again.",
    )
    pause: float = Field(
        default=0.5,
        ge=0,
        le=60,
        title="First pause",
        description="Seconds; each further pause may be twice as long, and is random over its whole length.",
    )
    pause_max: float = Field(
        default=30.0,
        ge=0,
        le=300,
        title="Longest pause",
        description="Seconds. A service that names a shorter pause itself gets it; one that names a longer one is not asked again.",
    )


class RetryMiddleware(Middleware):
    """Asks again in the place of the three attempts that every model has; never once an answer has begun."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="retry",
        label="Retry",
        about="Asks a model that is busy or away again, as often as you say.",
        form=RetryForm,
        priority=30,
    )
    asks_again: ClassVar[bool] = True

    @override
    async def __call__(
        self, request: ModelRequest, ask: Ask
    ) -> AsyncIterator[AIMessageChunk]:
        form, has_begun = self.settings, False
        patience = Patience(form.attempts, form.pause, form.pause_max)
        announce = partial(self._announce, request)

        async def may_ask_again() -> bool:
            return not has_begun and await request.may_ask_again()

        # What attempts took that failed, such as a summary that was written before, is paid too.
        spent: UsageMetadata | None = None
        async for attempt in patiently(may_ask_again, announce, patience):
            with attempt:
                before = spent
                async for chunk in counted_with(ask(request), before):
                    has_begun = has_begun or has_words(chunk)
                    spent = chunk.usage_metadata or spent
                    yield chunk

    def _announce(self, request: ModelRequest, pause: Pause) -> None:
        request.caller.emit(
            RetryScheduled(
                what=request.model,
                attempt=pause.attempt,
                attempts_max=self.settings.attempts,
                seconds=round(pause.seconds, 1),
                reason=str(pause.error),
            )
        )
