"""Logging: who asks which model, how long the answer took, and what it took."""

from collections.abc import AsyncIterator
from typing import ClassVar

import structlog
from langchain_core.messages import AIMessageChunk
from pydantic import Field
from typing_extensions import override

from app.backend.core import clock
from app.backend.core.run_events import Level
from app.backend.middleware.answers import Gathered, text_of
from app.backend.middleware.base import Ask, Form, Middleware, ModelRequest, TypeInfo

logger = structlog.get_logger(__name__)


class LogForm(Form):
    """How much is written."""

    characters: int = Field(
        default=0,
        ge=0,
        le=10_000,
        title="Characters of the question",
        description="So many characters of the newest message are written into the server's log; 0: none.",
    )


class LogMiddleware(Middleware):
    """Writes each call into the server's log and into that of the run."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="logging",
        label="Logging",
        about="Writes down who asks, how long the answer takes, and how many tokens.",
        form=LogForm,
        priority=10,
    )

    @override
    async def __call__(
        self, request: ModelRequest, ask: Ask
    ) -> AsyncIterator[AIMessageChunk]:
        told, began = self.began(request), clock.monotonic()
        self._ask(request)
        size = sum(len(str(message.content)) for message in request.messages)
        told.tell(
            f"{request.caller.actor.email} asks {request.model}: {len(request.messages)} messages, {size:,} characters."
        )
        first: float | None = None
        said = Gathered()
        try:
            async for chunk in ask(request):
                if first is None and text_of(chunk):
                    first = clock.monotonic() - began
                said.take(chunk)
                yield chunk
        except Exception as error:
            told.again()
            took = clock.monotonic() - began
            logger.warning("model_failed", **_facts(request), seconds=round(took, 3))
            what = f"No whole answer after {took:.2f} s: {error}"
            told.tell(what, phase="after", level=Level.WARNING)
            raise
        told.again()
        told.tell(
            _words(request, said, clock.monotonic() - began, first), phase="after"
        )

    def _ask(self, request: ModelRequest) -> None:
        shown = self.settings.characters
        newest = str(request.messages[-1].content) if request.messages else ""
        more = {"message": newest[:shown]} if shown else {}
        logger.info("model_asked", **_facts(request), **more)


def _facts(request: ModelRequest) -> dict[str, object]:
    run_id = request.caller.run_id
    return {
        "model": request.model,
        "user_id": str(request.caller.actor.user_id),
        "run_id": str(run_id) if run_id else None,
        "messages": len(request.messages),
    }


def _words(
    request: ModelRequest, said: Gathered, seconds: float, first: float | None
) -> str:
    usage = said.usage or {}
    tokens_in, tokens_out = usage.get("input_tokens"), usage.get("output_tokens")
    logger.info(
        "model_answered",
        **_facts(request),
        seconds=round(seconds, 3),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
    )
    parts = [
        f"Answered after {seconds:.2f} s",
        f"first word after {first:.2f} s" if first is not None else "",
        f"{tokens_in:,} tokens in, {tokens_out:,} out"
        if tokens_in is not None and tokens_out is not None
        else "",
    ]
    return f"{', '.join(part for part in parts if part)}."
