"""The websocket /ws/agent/{agent_id}/: start and stop an agent, and watch every run that it has."""

import asyncio
import json
from contextlib import aclosing
from typing import Annotated, Any, Literal
from uuid import UUID

import structlog
from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocketDisconnect

from app.backend.agents import service as agents
from app.backend.api import auth, sse
from app.backend.api import socket_messages as messages
from app.backend.api.errors import details_of
from app.backend.core import clock
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import AppError, Conflict, Forbidden, Invalid, Unauthorized
from app.backend.runs import service as runs
from app.backend.runs.schemas import RunDraft, RunFilter, RunView

logger = structlog.get_logger(__name__)
router = APIRouter()

TEXT_CHARACTERS_MAX = 200_000
LOOK_SECONDS = 0.5
_RUNS_LOOKED_AT = 50
_POLICY_VIOLATION = 1008


class StartAgent(BaseModel):
    """Starts a run."""

    action: Literal["start_agent"]
    input_data: dict[str, Any]


class StopAgent(BaseModel):
    """Stops the agent's newest run, or the one that is named."""

    action: Literal["stop_agent"]
    execution_id: UUID | None = None


Action: TypeAdapter[StartAgent | StopAgent] = TypeAdapter(
    Annotated[StartAgent | StopAgent, Field(discriminator="action")]
)


@router.websocket("/ws/agent/{agent_id}")
async def watch_agent(socket: WebSocket, agent_id: str) -> None:
    """Serve one viewer until it goes, or its login ends."""
    await socket.accept()
    viewer = Viewer(socket, auth.actor_of(socket))
    try:
        await viewer.serve(agent_id)
    except* WebSocketDisconnect:
        logger.debug("viewer_went", agent_id=agent_id)


class Viewer:
    """One open websocket: what it asks for, and the runs that it is shown."""

    def __init__(self, socket: WebSocket, actor: Actor) -> None:
        self._socket = socket
        self._actor = actor
        self._parts = auth.parts_of(socket)
        self._sending = asyncio.Lock()
        self._following: dict[UUID, asyncio.Task[None]] = {}
        self._newest: UUID | None = None

    async def serve(self, agent_id_text: str) -> None:
        """Tell what runs now, then show new runs and do what the viewer asks."""
        try:
            agent_id = await self._find_agent(agent_id_text)
        except AppError as error:  # lint-skip: edge-catch
            await self._end(error)
            return
        await self._send(messages.connection(agent_id))
        async with asyncio.TaskGroup() as group:
            receiving = group.create_task(self._receive_all(agent_id, group))
            looking = group.create_task(self._look_for_runs(agent_id, group))
            await asyncio.wait(
                {receiving, looking}, return_when=asyncio.FIRST_COMPLETED
            )
            for task in (receiving, looking, *self._following.values()):
                task.cancel()

    async def _find_agent(self, text: str) -> UUID:
        self._need(Permission.VIEW_RUN)
        try:
            agent_id = UUID(text)
        except ValueError:
            message = f"{text!r} is not the id of an agent."
            raise Invalid.field("agent_id", message) from None
        async with self._parts.db.read() as session:
            await agents.get_agent(session, self._actor, agent_id=agent_id)
        return agent_id

    async def _receive_all(self, agent_id: UUID, group: asyncio.TaskGroup) -> None:
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            try:
                action = _parse(received.get("text"))
                if isinstance(action, StartAgent):
                    run = await self._start(agent_id, action)
                    self._show(run, group)
                else:
                    await self._stop(agent_id, action)
            except AppError as error:  # lint-skip: edge-catch
                await self._send(messages.error(error.message))

    async def _look_for_runs(self, agent_id: UUID, group: asyncio.TaskGroup) -> None:
        # Runs are started by other windows, programs and schedules too; the rows know them all.
        check_at = clock.monotonic() + sse.CHECK_SECONDS
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
            if clock.monotonic() >= check_at:
                if not await auth.is_still_signed_in(self._socket):
                    await self._end(Unauthorized())
                    return
                check_at = clock.monotonic() + sse.CHECK_SECONDS
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
        self._need(Permission.ADD_RUN)
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
        self._need(Permission.CHANGE_RUN)
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
        await self._send(messages.execution_started(run_id))
        async with aclosing(self._parts.feed.follow(run_id, 0)) as batches:
            async for batch in batches:
                for event in batch:
                    message = messages.message_of(event)
                    if message is not None:
                        await self._send(message)

    async def _send(self, message: messages.Message) -> None:
        async with self._sending:
            await self._socket.send_text(json.dumps(message, ensure_ascii=False))

    async def _end(self, error: AppError) -> None:
        await self._send(messages.error(error.message))
        await self._socket.close(_POLICY_VIOLATION)

    def _need(self, permission: Permission) -> None:
        if not self._actor.may(permission):
            message = f"You may not do this: it needs the permission {permission.value!r}. Ask an administrator."
            raise Forbidden(message)


def _parse(text: str | None) -> StartAgent | StopAgent:
    if text is None:
        raise Invalid.field("body", "Send a JSON text, not binary data.")
    if len(text) > TEXT_CHARACTERS_MAX:
        message = f"The message is longer than {TEXT_CHARACTERS_MAX:,} characters. Upload large texts as documents."
        raise Invalid.field("body", message)
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Invalid.field("body", "Send a JSON object with an `action`.")
    try:
        return Action.validate_python(given)
    except ValidationError as error:
        details = details_of(error.errors())
        raise Invalid(
            {
                name: [f"{name}: {text}" for text in texts]
                for name, texts in details.items()
            }
        ) from None
