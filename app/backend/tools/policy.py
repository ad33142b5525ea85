"""How a tool call is carried out so that its effect happens once, or a person is asked."""

from dataclasses import replace
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel

from app.backend.core.db import Session
from app.backend.core.effects import (
    Effect,
    EffectCall,
    EffectEntry,
    Effects,
    EffectState,
)
from app.backend.core.errors import AppError
from app.backend.core.fault_points import FaultPoint
from app.backend.core.questions import Choice, Question, QuestionKind
from app.backend.tools.base import AnyTool, ToolContext, ToolResult
from app.backend.tools.errors import NoLedger

Source = Literal["executed", "recorded", "person"]
HAPPENED, REPEAT, STOP = "happened", "repeat", "stop"


async def perform(
    tool: AnyTool, call: EffectCall, context: ToolContext
) -> tuple[ToolResult, Source]:
    """Carry out a call, or return what is known of it; a tool that fails gives back a result that says so.

    Raises:
        NeedsPerson: an earlier attempt was lost in the middle of an unsafe effect.
    """
    try:
        params = tool.read(call.args)
    except AppError as error:  # lint-skip: edge-catch - the model reads it
        return _failure(error), "executed"
    if tool.effect == Effect.PURE:
        return await _execute(tool, params, context), "executed"
    effects = context.run.effects
    if effects is None:
        return _failure(NoLedger(tool.name)), "executed"
    entry = await effects.begin(call)
    context = replace(context, key=entry.key)
    if entry.state == EffectState.DONE:
        return ToolResult.model_validate(entry.result), "recorded"
    # What is ours is done together with its record: without the record it did not happen.
    is_doubtful = not (entry.is_new or tool.is_ours or tool.effect == Effect.IDEMPOTENT)
    if is_doubtful:
        told = await _ask(tool, call, entry, context, effects)
        if told is not None:
            await effects.finish(entry, told.model_dump(mode="json"))
            return told, "person"
    if not entry.is_new:
        entry = await effects.begin_again(entry)
    context.run.pass_point(FaultPoint.EFFECT_INTENDED)
    return await _carry_out(tool, params, entry, context, effects), "executed"


async def _carry_out(
    tool: AnyTool,
    params: BaseModel,
    entry: EffectEntry,
    context: ToolContext,
    effects: Effects,
) -> ToolResult:
    if tool.is_ours:
        try:
            found = await effects.perform(entry, partial(_work, tool, params, context))
        except AppError as error:  # lint-skip: edge-catch - nothing was written
            result = _failure(error)
            await effects.finish(entry, result.model_dump(mode="json"))
            return result
        return ToolResult.model_validate(found)
    result = await _execute(tool, params, context)
    context.run.pass_point(FaultPoint.EFFECT_DONE)
    await effects.finish(entry, result.model_dump(mode="json"))
    return result


async def _work(
    tool: AnyTool, params: BaseModel, context: ToolContext, session: Session
) -> dict[str, Any]:
    result = await tool.execute(params, replace(context, session=session))
    context.run.pass_point(FaultPoint.EFFECT_DONE)
    return result.model_dump(mode="json")


async def _execute(
    tool: AnyTool, params: BaseModel, context: ToolContext
) -> ToolResult:
    try:
        return await tool.execute(params, context)
    except AppError as error:  # lint-skip: edge-catch - the model reads it
        return _failure(error)


async def _ask(
    tool: AnyTool,
    call: EffectCall,
    entry: EffectEntry,
    context: ToolContext,
    effects: Effects,
) -> ToolResult | None:
    """Return what the effect gave back as a person tells it; None when it has to be done.

    Raises:
        NeedsPerson: nobody has answered yet.
    """
    question = _question(tool, call, entry, context.call_id)
    if question.id not in context.run.answers:
        await effects.doubt(entry)
    answer = context.run.ask(question)
    if answer.choice != HAPPENED:
        return None
    said = f" It gave back: {answer.text}" if answer.text else ""
    return ToolResult(content=f"A person says that this happened.{said}")


def _question(
    tool: AnyTool, call: EffectCall, entry: EffectEntry, call_id: str
) -> Question:
    return Question(
        # Each try is a question of its own: an answer to one says nothing about the next.
        id=f"{call_id}:effect:{entry.tries}",
        kind=QuestionKind.EFFECT,
        text=f"“{tool.title}” was under way when its worker was lost. Did it happen?",
        evidence={
            "tool": tool.name,
            "arguments": call.args,
            "begun_at": entry.begun_at.isoformat(),
            "attempt": entry.attempt,
            "key": entry.key,
        },
        choices=[
            Choice(
                value=HAPPENED,
                label="It happened",
                takes_text=True,
                text_label="What it gave back, if you know",
            ),
            Choice(value=REPEAT, label="It did not happen: do it now"),
            Choice(value=STOP, label="Stop the run", ends_run=True),
        ],
    )


def _failure(error: AppError) -> ToolResult:
    return ToolResult(content=error.message, is_error=True)
