"""Limits of calls: in a stretch of time, and in a run."""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import ClassVar, Literal

from langchain_core.messages import AIMessageChunk
from pydantic import Field
from typing_extensions import override

from app.backend.core import redis
from app.backend.middleware.base import Ask, Form, Middleware, ModelRequest, TypeInfo
from app.backend.middleware.errors import CallsUsedUp

# Longer than any run is looked at.
_RUN_SECONDS = 7 * 86_400


class RateForm(Form):
    """How often, for whom, and whether to wait."""

    calls: int = Field(default=60, ge=1, le=100_000, title="Calls")
    seconds: float = Field(
        default=60.0,
        gt=0,
        le=86_400,
        title="Within",
        description="Seconds in which the model is asked so often at most.",
    )
    each: Literal["person", "everybody"] = Field(
        default="person",
        title="Counted for",
        description="Each person by themselves, or everybody together.",
    )
    wait: float = Field(
        default=30.0,
        ge=0,
        le=600,
        title="Waits",
        description="Seconds that a call waits for its turn at most; then the run fails and says when to come back.",
    )


class RateMiddleware(Middleware):
    """Asks a model as often as its service allows, in all processes together. Without Redis it lets everything pass."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="rate_limit",
        label="Rate limit",
        about="Spreads calls, so that a service which counts them does not refuse any.",
        form=RateForm,
        priority=35,
    )

    @override
    async def __call__(
        self, request: ModelRequest, ask: Ask
    ) -> AsyncIterator[AIMessageChunk]:
        form, told = self.settings, self.began(request)
        person = request.caller.actor.user_id
        who = str(person) if form.each == "person" else form.each
        key = redis.middleware(self.parts.place, f"rate:{who}")
        take = self.parts.memory.take
        waited = 0.0
        while pause := await take(key, calls=form.calls, seconds=form.seconds):
            if waited + pause > form.wait:
                message = f"{request.model} may be asked {form.calls:,} times in {form.seconds:g} seconds. Try again in {math.ceil(pause)} seconds."
                raise CallsUsedUp(message, retry_after=math.ceil(pause))
            await asyncio.sleep(pause)
            waited += pause
        if waited:
            told.tell(f"Waited {waited:.1f} s for its turn.")
        async for chunk in ask(request):
            yield chunk


class CallLimitForm(Form):
    """How often."""

    calls: int = Field(
        default=25,
        ge=1,
        le=10_000,
        title="Calls in a run",
        description="How often a run asks the model at most, over all its attempts.",
    )


class CallLimitMiddleware(Middleware):
    """Ends a run that asks its model too often, such as one that goes in circles."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="call_limit",
        label="Call limit",
        about="Ends a run that asks the model too often.",
        form=CallLimitForm,
        priority=15,
    )

    @override
    async def __call__(
        self, request: ModelRequest, ask: Ask
    ) -> AsyncIterator[AIMessageChunk]:
        run_id, most = request.caller.run_id, self.settings.calls
        if run_id is not None:
            key = redis.middleware(self.parts.place, f"calls:{run_id}")
            number = await self.parts.memory.count(key, seconds=_RUN_SECONDS)
            if number is not None and number > most:
                message = f"This run has asked {request.model} {most:,} times, as often as its call limit allows. Ask for less at once, or raise the limit under Models."
                raise CallsUsedUp(message, retry_after=1)
        async for chunk in ask(request):
            yield chunk
