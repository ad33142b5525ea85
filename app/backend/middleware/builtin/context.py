"""What a long conversation is cut down to: old results of tools are left out, old turns are summed up."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import ClassVar

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.ai import UsageMetadata
from pydantic import Field
from typing_extensions import override

from app.backend.core import redis
from app.backend.core.run_events import Level
from app.backend.core.texts import Text
from app.backend.middleware.answers import Gathered, counted_with
from app.backend.middleware.base import (
    Ask,
    Form,
    Middleware,
    ModelRequest,
    TypeInfo,
)
from app.backend.middleware.checking import count

# English has about so many characters in a token; other languages have fewer, so this errs on the safe side for few.
_CHARACTERS = 4
_LEFT_OUT = "(left out: an older result)"
_DAY = 86_400
# So that the summary ends before its tokens do.
_TOKENS_OF_A_WORD = 2
_NO_SUMMARY = "The model wrote no whole summary, so all messages are sent. Give its agents more tokens for an answer."
_SUMMARY = "Summary of the conversation so far:\n"
_DEFAULT = "Sum up the conversation below for somebody who goes on with it: what is asked, what was found and decided, names, numbers, and what is open. Write plain sentences."


class EditingForm(Form):
    """From which size on, and what stays."""

    tokens: int = Field(
        default=8_000,
        ge=100,
        le=10_000_000,
        title="From",
        description="Tokens, as estimated, of all messages; below nothing is left out.",
    )
    keep: int = Field(
        default=3,
        ge=0,
        le=1_000,
        title="Results that stay",
        description="The newest results of tools that stay whole.",
    )


class EditingMiddleware(Middleware):
    """Leaves out old results of tools, which are mostly long and no longer needed."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="context_editing",
        label="Context editing",
        about="Leaves old results of tools out of long conversations.",
        form=EditingForm,
        priority=80,
    )

    @override
    async def __call__(
        self, request: ModelRequest, ask: Ask
    ) -> AsyncIterator[AIMessageChunk]:
        told, form = self.began(request), self.settings
        before = tokens_of(request.messages)
        if before > form.tokens:
            places = [
                n
                for n, one in enumerate(request.messages)
                if isinstance(one, ToolMessage)
            ]
            old = set(places[: max(0, len(places) - form.keep)])
            messages = [
                one.model_copy(update={"content": _LEFT_OUT}) if n in old else one
                for n, one in enumerate(request.messages)
            ]
            if old:
                saved = before - tokens_of(messages)
                told.tell(
                    f"Left out {count(len(old), 'old result')}, about {saved:,} tokens."
                )
                request = replace(request, messages=messages)
        async for chunk in ask(request):
            yield chunk


class SummaryForm(Form):
    """From which size on, what stays, and how it is asked for."""

    tokens: int = Field(
        default=12_000,
        ge=100,
        le=10_000_000,
        title="From",
        description="Tokens, as estimated, of all messages; below nothing is summed up.",
    )
    keep: int = Field(
        default=8,
        ge=1,
        le=1_000,
        title="Messages that stay",
        description="The newest messages that stay as they are, and the newest question.",
    )
    instructions: Text = Field(
        default=_DEFAULT,
        min_length=1,
        max_length=4_000,
        title="Instructions",
        description="How the model is asked for the summary.",
    )


class SummaryMiddleware(Middleware):
    """Puts a summary, which the same model writes, in the place of old messages. Its tokens are counted with the answer's."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="summarization",
        label="Summarization",
        about="Lets the model sum up the older part of a long conversation.",
        form=SummaryForm,
        priority=75,
    )

    @override
    async def __call__(
        self, request: ModelRequest, ask: Ask
    ) -> AsyncIterator[AIMessageChunk]:
        told = self.began(request)
        old, kept = self._split(request.messages)
        if not old or tokens_of(request.messages) <= self.settings.tokens:
            async for chunk in ask(request):
                yield chunk
            return
        key = self._key(request, old)
        (summary,) = await self.parts.memory.get(key) or [None]
        which, usage = "Used the summary", None
        if not summary:
            which = "Wrote a summary"
            summary, usage = await self._sum_up(request, ask, old)
            if summary:
                await self.parts.memory.keep(key, summary, seconds=_DAY)
        if summary:
            told.tell(f"{which} of {count(len(old), 'old message')}.")
            head = [one for one in request.messages if isinstance(one, SystemMessage)]
            # It has what came from outside, so it is no word of the system's.
            messages = [*head, HumanMessage(f"{_SUMMARY}{summary}"), *kept]
            request = replace(request, messages=messages)
        else:
            told.tell(_NO_SUMMARY, level=Level.WARNING)
        async for chunk in counted_with(ask(request), usage):
            yield chunk

    def _split(
        self, messages: Sequence[BaseMessage]
    ) -> tuple[list[BaseMessage], list[BaseMessage]]:
        """Return what is summed up and what stays; a result stays with the call that it answers, and so does the question.

        The border moves by whole steps of `keep`, so that the summary of one question is that of the next ones too.
        """
        turns = [one for one in messages if not isinstance(one, SystemMessage)]
        keep = self.settings.keep
        border = max(0, (len(turns) - keep) // keep * keep)
        while border and isinstance(turns[border], ToolMessage):
            border -= 1
        asked = next(
            (one for one in reversed(turns) if isinstance(one, HumanMessage)), None
        )
        old, kept = turns[:border], turns[border:]
        if asked is not None and not any(one is asked for one in kept):
            old = [one for one in old if one is not asked]
            kept = [asked, *kept]
        return old, kept

    async def _sum_up(
        self, request: ModelRequest, ask: Ask, old: Sequence[BaseMessage]
    ) -> tuple[str, UsageMetadata | None]:
        """Return a summary and what it took; an empty one where the model's was cut or is missing."""
        words = request.options.max_tokens // _TOKENS_OF_A_WORD
        instructions = f"{self.settings.instructions} Write at most {words} words."
        wanted = [
            SystemMessage(instructions),
            HumanMessage("\n\n".join(_told(one) for one in old)),
        ]
        said, usage = Gathered(), None
        async for chunk in ask(replace(request, messages=wanted, tools=None)):
            said.take(chunk)
            usage = chunk.usage_metadata or usage
        return said.text.strip() if said.is_whole else "", usage

    def _key(self, request: ModelRequest, old: Sequence[BaseMessage]) -> str:
        whole = [
            str(request.caller.actor.user_id),
            self.settings.instructions,
            *(_told(one) for one in old),
        ]
        digest = hashlib.sha256("\0".join(whole).encode()).hexdigest()
        return redis.middleware(self.parts.place, f"summary:{digest}")


def tokens_of(messages: Sequence[BaseMessage]) -> int:
    """Return an estimate of the tokens of messages."""
    return sum(len(_told(one)) for one in messages) // _CHARACTERS


def _told(message: BaseMessage) -> str:
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    called = [f"calls {call['name']} {call['args']}" for call in calls]
    return f"{message.type}: {' '.join([str(message.content), *called])}"
