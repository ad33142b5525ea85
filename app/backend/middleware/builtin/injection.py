"""Orders from outside: documents, results of tools and questions that try to give a model other instructions."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import ClassVar

from langchain_core.messages import AIMessageChunk
from pydantic import Field
from typing_extensions import override

from app.backend.middleware.base import (
    Ask,
    Form,
    Middleware,
    ModelRequest,
    Parts,
    TypeInfo,
)
from app.backend.middleware.builtin.validation import Pattern
from app.backend.middleware.checking import Action, Check
from app.backend.middleware.patterns import Finder

# What such texts have in common. They are few on purpose: each has to be an order to a model, and not talk about one.
_ORDERS = (
    r"\b(?:ignore|disregard|forget|override)\b[^.\n]{0,40}\b(?:previous|prior|above|earlier|preceding|your)\b[^.\n]{0,30}\b(?:instructions?|prompts?|rules|directives|guidelines)\b",
    r"\b(?:reveal|print|repeat|show|output|tell me)\b[^.\n]{0,30}\b(?:system prompt|hidden instructions|initial instructions|your instructions)\b",
    r"\byou are (?:now|no longer)\b[^.\n]{0,40}\b(?:mode|unrestricted|jailbroken|bound|an? assistant)\b",
    r"\b(?:do not|don't|never) (?:tell|inform|mention (?:this|it) to|show) the (?:user|person|human)\b",
    r"(?m:^\s*(?:new|updated|real) (?:system )?instructions?\s*:)",
    r"<\|(?:im_start|im_end|system|assistant|eot_id|start_header_id)\|>|\[/?INST\]|<</?SYS>>",
)


class InjectionForm(Form):
    """What is done with an order, and what else is one."""

    action: Action = Field(
        default="redact",
        title="When there is one",
        description="block: do not ask the model. redact: take it out. warn: say so in the log.",
    )
    own: list[Pattern] = Field(
        default=[],
        max_length=50,
        title="Further patterns",
        description="Regular expressions (RE2), one a line; capitals do not matter.",
    )


class InjectionMiddleware(Middleware):
    """Finds texts that are orders to a model where only data should be."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="injection",
        label="Injected orders",
        about="Finds documents and results of tools that try to give the model other instructions.",
        form=InjectionForm,
        priority=50,
    )

    def __init__(self, settings: InjectionForm, parts: Parts) -> None:
        super().__init__(settings, parts)
        finder = Finder((), [*_ORDERS, *settings.own], ignores_case=True)
        self._check = Check(finder, settings.action, "that give a model orders")

    @override
    async def __call__(
        self, request: ModelRequest, ask: Ask
    ) -> AsyncIterator[AIMessageChunk]:
        messages = self._check.apply(request.messages, self.began(request))
        async for chunk in ask(replace(request, messages=messages)):
            yield chunk
