"""The websocket /ws/task/{task_id}/: one run as a task, and the answer to what it asks."""

import asyncio
from contextlib import aclosing
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, Field, TypeAdapter
from starlette.websockets import WebSocketDisconnect

from app.backend.api.deps import need
from app.backend.api.sockets import Line, error_message, parse_id, parse_message
from app.backend.api.task_messages import TaskWriter
from app.backend.core.actor import Permission
from app.backend.core.errors import AppError, Unauthorized
from app.backend.runs import answers
from app.backend.runs import service as runs
from app.backend.runs.answers import AnswerDraft
from app.backend.runs.schemas import RunView

logger = structlog.get_logger(__name__)
router = APIRouter()


class Confirm(AnswerDraft):
    """Answers what the task asks."""

    type: Literal["confirmation_response"]


class Ping(BaseModel):
    """Asks whether anybody is there."""

    type: Literal["ping"]


FromViewer: TypeAdapter[Confirm | Ping] = TypeAdapter(
    Annotated[Confirm | Ping, Field(discriminator="type")]
)


@router.websocket("/ws/task/{task_id}")
async def watch_task(socket: WebSocket, task_id: str) -> None:
    """Serve one viewer until the task has ended, the viewer goes, or its login ends."""
    await socket.accept()
    line = Line(socket)
    try:
        await _serve(line, task_id)
    except* WebSocketDisconnect:
        logger.debug("viewer_went", task_id=task_id)


async def _serve(line: Line, task_id: str) -> None:
    try:
        run = await _find_run(line, task_id)
    except AppError as error:  # lint-skip: edge-catch
        await line.close(error)
        return
    async with asyncio.TaskGroup() as group:
        telling = group.create_task(_tell(line, run))
        receiving = group.create_task(_receive(line, run))
        watching = group.create_task(line.watch())
        own = {telling, receiving, watching}
        done, _ = await asyncio.wait(own, return_when=asyncio.FIRST_COMPLETED)
        for task in own:
            task.cancel()
    if receiving not in done:
        await line.close(None if telling in done else Unauthorized())


async def _find_run(line: Line, task_id: str) -> RunView:
    need(line.actor, Permission.VIEW_RUN)
    run_id = parse_id(task_id, "task_id", "a task")
    async with line.parts.db.read() as session:
        return await runs.get_run(session, line.actor, run_id=run_id)


async def _tell(line: Line, run: RunView) -> None:
    """Tell how the task stands, then what happens, until its end."""
    writer = TaskWriter(run)
    async with aclosing(line.parts.feed.follow(run.id, 0)) as batches:
        async for batch in batches:
            for event in batch:
                messages = writer.take(event)
                if event.seq == run.last_seq:
                    messages = writer.state()
                if event.seq >= run.last_seq:
                    for message in messages:
                        await line.send(message)


async def _receive(line: Line, run: RunView) -> None:
    while (text := await line.receive()) is not None:
        try:
            await line.count()
            match parse_message(text, FromViewer, "type"):
                case Confirm() as answer:
                    await _answer(line, run, answer)
                case Ping():
                    await line.send({"type": "pong"})
        except AppError as error:  # lint-skip: edge-catch
            await line.send(error_message(error))


async def _answer(line: Line, run: RunView, answer: Confirm) -> None:
    need(line.actor, Permission.CHANGE_RUN)
    async with line.parts.db.transaction() as session:
        await answers.answer_run(
            session,
            line.actor,
            run_id=run.id,
            draft=answer,
            parts=line.parts,
        )
