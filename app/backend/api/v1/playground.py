"""Route of the playground."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.backend.agents import playground
from app.backend.agents.playground import Trial
from app.backend.api.deps import PartsDep, may
from app.backend.budgets.spending import spending_of
from app.backend.core.actor import Actor, Permission
from app.backend.core.texts import Text

router = APIRouter(prefix="/api/v1/playground", tags=["models"])


class ModelQuestion(Trial):
    """What is asked, and which model."""

    model: Text = Field(default="", max_length=250, description="Empty: the default.")


@router.post("")
async def ask_model(
    actor: Annotated[Actor, may(Permission.ADD_RUN)],
    parts: PartsDep,
    question: ModelQuestion,
) -> StreamingResponse:
    """Ask a model without an agent: JSON lines with the text as it comes, the last one with what it took."""

    async def lines() -> AsyncIterator[str]:
        asked = (parts.models, parts.db, actor, question.model, question)
        async with (
            spending_of(parts, actor) as spending,
            aclosing(playground.ask(*asked, spending=spending)) as pieces,
        ):
            async for piece in pieces:
                yield piece.model_dump_json(exclude_defaults=True) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")
