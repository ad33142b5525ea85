"""A middleware as a package of somebody else would bring it, and one that is broken."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import ClassVar

from langchain_core.messages import AIMessageChunk, SystemMessage
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


class PoliteForm(Form):
    words: str = Field(default="Please be kind.", title="Words")


class Polite(Middleware):
    info: ClassVar[TypeInfo] = TypeInfo(
        "polite", "Polite", "Asks for kindness.", PoliteForm, 60
    )

    @override
    async def __call__(
        self, request: ModelRequest, ask: Ask
    ) -> AsyncIterator[AIMessageChunk]:
        told = self.began(request)
        first = SystemMessage(self.settings.words)
        told.tell("Asked for kindness.")
        async for chunk in ask(replace(request, messages=[first, *request.messages])):
            yield chunk


class Breaking(Polite):
    info: ClassVar[TypeInfo] = TypeInfo("breaking", "Breaking", "", PoliteForm, 60)

    def __init__(self, settings: PoliteForm, parts: Parts) -> None:
        super().__init__(settings, parts)
        message = "a detail of its own"
        raise RuntimeError(message)
