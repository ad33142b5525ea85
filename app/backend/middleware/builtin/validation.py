"""Validation: what may be sent to a model, and what may come back."""

import re
import unicodedata
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar

from langchain_core.messages import AIMessageChunk, BaseMessage
from pydantic import AfterValidator, Field
from typing_extensions import override

from app.backend.core.run_events import Level
from app.backend.core.texts import Text
from app.backend.middleware import patterns
from app.backend.middleware.answers import Gathered, rewrite_message, rewritten
from app.backend.middleware.base import (
    Ask,
    Form,
    Middleware,
    ModelRequest,
    Parts,
    Told,
    TypeInfo,
)
from app.backend.middleware.checking import (
    FROM_OUTSIDE,
    REMOVED,
    Action,
    Check,
    count,
)
from app.backend.middleware.errors import InputRefused, OutputRefused
from app.backend.middleware.patterns import KINDS, Finder, Kind, Span

_KEPT = frozenset("\n\t\r")
_LETTERS_OF_OTHERS = re.compile(r"[\u200c\u200d\ufe0e\ufe0f]")


def _check_pattern(text: str) -> str:
    patterns.compile_own(text, ignores_case=True)
    return text


Pattern = Annotated[Text, Field(max_length=500), AfterValidator(_check_pattern)]


class ValidationForm(Form):
    """What is looked for, and what is done when it is found."""

    characters_max: int = Field(
        default=200_000,
        ge=1,
        le=10_000_000,
        title="Longest message",
        description="Characters; a longer question or result of a tool is refused.",
    )
    clean: bool = Field(
        default=True,
        title="Clean what is sent",
        description="Takes out control characters and letters that nobody sees, in which orders can hide.",
    )
    forbidden: list[Pattern] = Field(
        default=[],
        max_length=50,
        title="Forbidden in questions",
        description="Regular expressions (RE2), one a line; capitals do not matter.",
    )
    input_action: Action = Field(default="block", title="When a question has it")
    sensitive: list[Kind] = Field(
        default=["card", "iban", "secret"],
        title="Sensitive in answers",
        description=f"One a line, of: {', '.join(KINDS)}.",
    )
    sensitive_patterns: list[Pattern] = Field(
        default=[],
        max_length=50,
        title="Further patterns",
        description="Regular expressions (RE2) that answers must not match, one a line.",
    )
    output_action: Action = Field(default="redact", title="When an answer has it")


class ValidationMiddleware(Middleware):
    """Checks questions before a model, and answers after it."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="validation",
        label="Validation",
        about="Checks and cleans what is sent, and blocks, redacts or reports what must not be answered.",
        form=ValidationForm,
        priority=40,
    )

    def __init__(self, settings: ValidationForm, parts: Parts) -> None:
        super().__init__(settings, parts)
        self._forbidden = Check(
            Finder((), settings.forbidden, ignores_case=True),
            settings.input_action,
            "that the rules of this model forbid",
        )
        self._sensitive = Finder(
            settings.sensitive, settings.sensitive_patterns, ignores_case=True
        )

    @override
    async def __call__(
        self, request: ModelRequest, ask: Ask
    ) -> AsyncIterator[AIMessageChunk]:
        told = self.began(request)
        request = replace(request, messages=self._check(request.messages, told))
        said = ask(request)
        if not self._sensitive:
            async for chunk in said:
                yield chunk
        elif self.settings.output_action == "warn":
            async for chunk in self._watched(said, told):
                yield chunk
        else:
            async for chunk in self._guarded(said, told):
                yield chunk

    def _check(self, messages: Sequence[BaseMessage], told: Told) -> list[BaseMessage]:
        self._check_size(messages)
        cleaned = [self._clean(message) for message in messages]
        changed = sum(
            old is not new for old, new in zip(messages, cleaned, strict=True)
        )
        if changed:
            told.tell(f"Took hidden characters out of {count(changed, 'message')}.")
        return self._forbidden.apply(cleaned, told)

    def _check_size(self, messages: Sequence[BaseMessage]) -> None:
        most = self.settings.characters_max
        longest = max(
            (len(str(one.content)) for one in messages if one.type in FROM_OUTSIDE),
            default=0,
        )
        if longest > most:
            message = f"A message has {longest:,} characters, and this model is sent {most:,} at most. Shorten it."
            raise InputRefused(message)

    def _clean(self, message: BaseMessage) -> BaseMessage:
        if not self.settings.clean or message.type not in FROM_OUTSIDE:
            return message
        return rewrite_message(message, clean)

    async def _watched(
        self, said: AsyncIterator[AIMessageChunk], told: Told
    ) -> AsyncIterator[AIMessageChunk]:
        whole = Gathered()
        async for chunk in said:
            whole.take(chunk)
            yield chunk
        told.again()
        if spans := self._sensitive.find(f"{whole.text}\n{whole.calls()}"):
            message = f"The answer has what looks sensitive: {_kinds(spans)}."
            told.tell(message, phase="after", level=Level.WARNING)

    async def _guarded(
        self, said: AsyncIterator[AIMessageChunk], told: Told
    ) -> AsyncIterator[AIMessageChunk]:
        found: list[Span] = []

        def put(span: Span) -> str:
            if self.settings.output_action == "block":
                told.again()
                message = f"Blocked: the answer has {_kinds([span])}."
                told.tell(message, phase="after", level=Level.ERROR)
                message = f"The answer was stopped, since it has what the rules of this model keep back: {_kinds([span])}. Ask in another way."
                raise OutputRefused(message)
            found.append(span)
            return REMOVED

        async for chunk in rewritten(said, self._sensitive.find, put):
            yield chunk
        told.again()
        if found:
            message = f"Took out of the answer: {_kinds(found)}."
            told.tell(message, phase="after", level=Level.WARNING)


def clean(text: str) -> str:
    """Return a text without control characters and invisible ones; what joins letters and emoji stays.

    Categories are those of the Unicode Standard, chapter 4.5: Cc are controls, Cf are formats such as tags and marks of
    direction, Co is private use.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter
        for letter in text
        if letter in _KEPT
        or _LETTERS_OF_OTHERS.match(letter)
        or unicodedata.category(letter) not in {"Cc", "Cf", "Co"}
    )


def _kinds(spans: Sequence[Span]) -> str:
    counts: dict[str, int] = {}
    for span in spans:
        counts[span.kind] = counts.get(span.kind, 0) + 1
    return ", ".join(f"{kind} ({number})" for kind, number in counts.items())
