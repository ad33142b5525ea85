"""The websocket /ws/agent/{agent_id}/: start and stop an agent, and watch every run that it has."""

import asyncio
from contextlib import aclosing
from typing import Annotated, Any, Literal
from uuid import UUID

import structlog
from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, Field, TypeAdapter
from starlette.websockets import WebSocketDisconnect

from app.backend.agents import service as agents
from app.backend.api import socket_messages as messages
from app.backend.api.deps import need
from app.backend.api.sockets import Line, error_message, parse_id, parse_message
from app.backend.core.actor import Permission
from app.backend.core.errors import AppError, Conflict, Unauthorized
from app.backend.runs import service as runs
from app.backend.runs.schemas import RunDraft, RunFilter, RunView

logger = structlog.get_logger(__name__)
router = APIRouter()

LOOK_SECONDS = 0.5
_RUNS_LOOKED_AT = 50


class StartAgent(BaseModel):
    """Starts a run."""

    action: Literal["start_agent"]
    input_data: dict[str, Any]


class StopAgent(BaseModel):
    """Stops the agent's newest run, or the one that is named."""

    action: Literal["stop_agent"]
    execution_id: UUID | None = None


class Ping(BaseModel):
    """Asks whether anybody is there."""

    action: Literal["ping"]


Action: TypeAdapter[StartAgent | StopAgent | Ping] = TypeAdapter(
    Annotated[StartAgent | StopAgent | Ping, Field(discriminator="action")]
)


@router.websocket("/ws/agent/{agent_id}")
async def watch_agent(socket: WebSocket, agent_id: str) -> None:
    """Serve one viewer until it goes, or its login ends."""
    await socket.accept()
    viewer = Viewer(Line(socket))
    try:
        await viewer.serve(agent_id)
    except* WebSocketDisconnect:
        logger.debug("viewer_went", agent_id=agent_id)


class Viewer:
    """One open websocket: what it asks for, and the runs that it is shown."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._actor = line.actor
        self._parts = line.parts
        self._following: dict[UUID, asyncio.Task[None]] = {}
        self._newest: UUID | None = None

    async def serve(self, agent_id_text: str) -> None:
        """Tell what runs now, then show new runs and do what the viewer asks."""
        try:
            agent_id = await self._find_agent(agent_id_text)
        except AppError as error:  # lint-skip: edge-catch
            await self._line.close(error)
            return
        await self._line.send(messages.connection(agent_id))
        async with asyncio.TaskGroup() as group:
            receiving = group.create_task(self._receive_all(agent_id, group))
            looking = group.create_task(self._look_for_runs(agent_id, group))
            watching = group.create_task(self._line.watch())
            own = {receiving, looking, watching}
            done, _ = await asyncio.wait(own, return_when=asyncio.FIRST_COMPLETED)
            for task in (*own, *self._following.values()):
                task.cancel()
        if watching in done and receiving not in done:
            await self._line.close(Unauthorized())

    async def _find_agent(self, text: str) -> UUID:
        need(self._actor, Permission.VIEW_RUN)
        agent_id = parse_id(text, "agent_id", "an agent")
        async with self._parts.db.read() as session:
            await agents.get_agent(session, self._actor, agent_id=agent_id)
        return agent_id

    async def _receive_all(self, agent_id: UUID, group: asyncio.TaskGroup) -> None:
        while (text := await self._line.receive()) is not None:
            try:
                await self._line.count()
                action = parse_message(text, Action, "action")
                match action:
                    case StartAgent():
                        self._show(await self._start(agent_id, action), group)
                    case StopAgent():
                        await self._stop(agent_id, action)
                    case Ping():
                        await self._line.send({"type": "pong"})
            except AppError as error:  # lint-skip: edge-catch
                await self._line.send(error_message(error))

    async def _look_for_runs(self, agent_id: UUID, group: asyncio.TaskGroup) -> None:
        # Runs are started by other windows, programs and schedules too; the rows know them all.
        is_first = True
        while True:
            for run in await self._list_runs(agent_id):
                is_new = not is_first and (
                    self._newest is None or run.id > self._newest
                )
                if is_new or not run.status.is_terminal:
                    self._show(run, group)
                self._newest = max(run.id, self._newest or run.id)
            is_first = False
            await asyncio.sleep(LOOK_SECONDS)

    async def _list_runs(self, agent_id: UUID) -> list[RunView]:
        async with self._parts.db.read() as session:
            page = await runs.list_runs(
                session,
                self._actor,
                wanted=RunFilter(agent_id=agent_id),
                limit=_RUNS_LOOKED_AT,
            )
        return page.items[::-1]

    async def _start(self, agent_id: UUID, action: StartAgent) -> RunView:
        need(self._actor, Permission.ADD_RUN)
        draft = RunDraft(input=action.input_data, trigger="api", request_id=None)
        async with self._parts.db.transaction() as session:
            return await runs.start_run(
                session,
                self._actor,
                agent_id=agent_id,
                draft=draft,
                parts=self._parts,
            )

    async def _stop(self, agent_id: UUID, action: StopAgent) -> None:
        need(self._actor, Permission.CHANGE_RUN)
        run_id = action.execution_id
        if run_id is None:
            active = [
                run
                for run in await self._list_runs(agent_id)
                if not run.status.is_terminal
            ]
            if not active:
                message = "Nothing is running, so there is nothing to stop."
                raise Conflict(message)
            run_id = active[-1].id
        async with self._parts.db.transaction() as session:
            await runs.stop_run(session, self._actor, run_id=run_id, parts=self._parts)

    def _show(self, run: RunView, group: asyncio.TaskGroup) -> None:
        if run.id not in self._following:
            self._following[run.id] = group.create_task(self._follow(run.id))

    async def _follow(self, run_id: UUID) -> None:
        await self._line.send(messages.execution_started(run_id))
        async with aclosing(self._parts.feed.follow(run_id, 0)) as batches:
            async for batch in batches:
                for event in batch:
                    message = messages.message_of(event)
                    if message is not None:
                        await self._line.send(message)
