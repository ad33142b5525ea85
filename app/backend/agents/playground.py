"""Asks a model once, without an agent and without a run; what it took is counted like any other call."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any

import structlog
from langchain_core.messages import (
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
)
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.backend.agents.said import Outcome, Said, plan_call, usage_of
from app.backend.core import clock, ids, masking
from app.backend.core.actor import Actor
from app.backend.core.db import Database
from app.backend.core.errors import AppError
from app.backend.core.run_events import UsageRecorded
from app.backend.core.spending import OverBudget, Spending
from app.backend.core.texts import STORABLE, Text, storable
from app.backend.core.to_end import to_end
from app.backend.models.catalog import ModelCatalog
from app.backend.models.request import is_unpaid
from app.backend.providers.base import ChatOptions
from app.backend.usage.prices import price_of
from app.backend.usage.recording import Whose, record_call

logger = structlog.get_logger(__name__)

NAME = "Playground"
_UNEXPECTED = "Something went wrong on our side. Try again; if it stays, tell your administrator the error id {error_id}."


class Trial(BaseModel):
    """What a model is asked."""

    model_config = ConfigDict(frozen=True)

    prompt: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000),
        STORABLE,
    ]
    instructions: Text = Field(default="", max_length=20_000)
    temperature: float = Field(default=0.0, ge=0, le=2)
    max_tokens: int = Field(default=400, ge=1, le=8_000)


class TrialFigures(BaseModel):
    """What a call took; times are in milliseconds, the cost in millionths of a dollar, None where no price is known."""

    model_config = ConfigDict(frozen=True)

    tokens_in: int
    tokens_out: int
    first_token_milliseconds: float | None
    milliseconds: float
    tokens_per_second: float | None
    cost_micros: int | None
    is_estimated: bool


class TrialPiece(BaseModel):
    """A piece of an answer as it comes; the last one has the figures, and the error where there is one."""

    model_config = ConfigDict(frozen=True)

    text: str = ""
    figures: TrialFigures | None = None
    error: str = ""


async def ask(
    catalog: ModelCatalog,
    db: Database,
    actor: Actor,
    name: str,
    trial: Trial,
    *,
    spending: Spending,
    on_cut: Callable[[TrialFigures], None] | None = None,
) -> AsyncGenerator[TrialPiece, None]:
    """Yield what the model called `name` says, as it says it, and in the end what it took.

    A failure is the error of the last piece, and so is a budget that is used up. Of an answer that is closed early,
    what was said is counted as cut, and told to `on_cut`.
    """
    try:
        asked = _ask(catalog, db, actor, name, trial, spending, on_cut)
        async with aclosing(asked) as pieces:
            async for piece in pieces:
                yield piece
    # Who reads waits for the last piece.
    except Exception:  # lint-skip: edge-catch
        error_id = str(ids.new_id())[-12:]
        logger.exception("playground_failed", error_id=error_id)
        yield TrialPiece(error=_UNEXPECTED.format(error_id=error_id))


async def _ask(
    catalog: ModelCatalog,
    db: Database,
    actor: Actor,
    name: str,
    trial: Trial,
    spending: Spending,
    on_cut: Callable[[TrialFigures], None] | None,
) -> AsyncGenerator[TrialPiece, None]:
    options = ChatOptions(temperature=trial.temperature, max_tokens=trial.max_tokens)
    try:
        model = await catalog.open(actor, name, options=options)
    except AppError as error:  # lint-skip: edge-catch
        yield TrialPiece(error=error.message)
        return
    said, messages = Said(model.name), _messages(trial)
    said.price, said.window = price_of(model.chosen), model.chosen.context_window
    outcome, problem = _FAILED, ""
    reserve = partial(_reserve, spending, said, trial.max_tokens)
    stream = model.stream(messages, reserve=reserve)
    try:
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                said.is_open = True
                text = _take(said, chunk)
                if text:
                    yield TrialPiece(text=text)
        outcome = _COMPLETED
    # It is what the last piece tells.
    except AppError as error:  # lint-skip: edge-catch
        problem = masking.known().mask(error.message)
    except OverBudget as over:
        problem = over.reason
    except (asyncio.CancelledError, GeneratorExit):
        outcome = _CUT
        raise
    finally:
        used = usage_of(said, messages, outcome)
        figures = _figures(used, has_begun=said.first_token_at is not None)
        if said.is_open:
            if outcome == _CUT and on_cut is not None:
                on_cut(figures)
            await to_end(_count(db, used, actor, spending))
    yield TrialPiece(figures=figures, error=problem)


_COMPLETED: Outcome = "completed"
_FAILED: Outcome = "failed"
_CUT: Outcome = "cut"


async def _count(
    db: Database, used: UsageRecorded, actor: Actor, spending: Spending
) -> None:
    whose = Whose(actor.user_id, None, NAME, root_id=None, root_agent_id=None)
    async with db.transaction() as session:
        event = await record_call(session, used, whose=whose)
    await spending.settle([event])


async def _reserve(
    spending: Spending,
    said: Said,
    tokens_out: int,
    messages: Sequence[BaseMessage],
    tools: Sequence[dict[str, Any]],
) -> None:
    await spending.reserve(plan_call(said, tokens_out, messages, tools))
    said.is_open = True


def _messages(trial: Trial) -> list[BaseMessage]:
    instructions = trial.instructions.strip()
    system: list[BaseMessage] = [SystemMessage(instructions)] if instructions else []
    return [*system, HumanMessage(trial.prompt)]


def _take(said: Said, chunk: AIMessageChunk) -> str:
    said.is_unpaid = said.is_unpaid or is_unpaid(chunk)
    if chunk.usage_metadata is not None:
        said.usage = dict(chunk.usage_metadata)
    if not chunk.text:
        return ""
    if said.first_token_at is None:
        said.first_token_at = clock.monotonic()
    said.tokens += 1
    return masking.mask_said(storable(chunk.text))


def _figures(used: UsageRecorded, *, has_begun: bool) -> TrialFigures:
    seconds = (used.milliseconds - used.first_token_milliseconds) / 1000
    is_fast = used.tokens_out > 1 and seconds > 0
    return TrialFigures(
        tokens_in=used.tokens_in,
        tokens_out=used.tokens_out,
        first_token_milliseconds=used.first_token_milliseconds if has_begun else None,
        milliseconds=used.milliseconds,
        tokens_per_second=round((used.tokens_out - 1) / seconds, 1)
        if is_fast
        else None,
        cost_micros=used.cost_micros,
        is_estimated=used.is_estimated,
    )
