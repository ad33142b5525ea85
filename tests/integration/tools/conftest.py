"""Agents with tools on the real parts, and workers that die where a test says."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from app.backend import bootstrap
from app.backend.agents.schemas import AgentKind
from app.backend.agents.tables import AgentRow
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.fault_points import FaultPoint, FaultPoints
from app.backend.core.settings import Settings
from app.backend.runs import answers, executor
from app.backend.runs.answers import AnswerDraft
from app.backend.runs.recovery import RunRecovery
from app.backend.runs.schemas import RunView
from tests.factories.rows import MakeAgent
from tests.fakes.knowledge import FakeEmbedder
from tests.parts import wait_until
from tests.processes import ForkServer
from tests.runs import WAIT_SECONDS, Runs

TOOLS = [
    "now",
    "ask_person",
    "notes_read",
    "notes_put",
    "notes_append",
    "outside_put",
    "outside_append",
    "search_knowledge",
    "run_agent",
]
# More calls than a run has steps, and never the same one.
WITHOUT_END = [("notes_read", {"name": f"note {n}"}) for n in range(30)]


def script(*turns: Any) -> str:
    """Return a model that calls these tools turn by turn, `(name, args)` or several in a list, or says a text."""
    replies: list[dict[str, Any]] = []
    for turn in turns:
        if isinstance(turn, str):
            replies.append({"text": turn})
            continue
        calls = turn if isinstance(turn, list) else [turn]
        named = [{"name": name, "args": args} for name, args in calls]
        replies.append({"tool_calls": named})
    return f"scripted/{json.dumps({'replies': replies})}"


@dataclass
class Desk:
    """Runs agents with tools: in this process, or in a process that is killed."""

    services: Services
    actor: Actor
    make_agent: MakeAgent
    fork_server: ForkServer

    @property
    def runs(self) -> Runs:
        """The runs of the owner."""
        return Runs(self.services, self.actor)

    async def agent(self, model: str, **values: Any) -> AgentRow:
        """Add an agent with all tools."""
        values = {"kind": AgentKind.TOOLS, "tools": TOOLS, **values}
        return await self.make_agent(self.actor, model=model, **values)

    async def start(self, *turns: Any, **values: Any) -> UUID:
        """Queue a run of a script."""
        agent = await self.agent(script(*turns), **values)
        return (await self.runs.start(agent.id)).id

    async def work(self, run_id: UUID) -> RunView:
        """Carry a queued run out here, until it ends or waits."""
        await executor.execute_run(
            self.services, run_id, worker="here", shutdown=asyncio.Event()
        )
        return await self.runs.get(run_id)

    async def run(self, *turns: Any, **values: Any) -> RunView:
        """Queue a script and carry it out."""
        return await self.work(await self.start(*turns, **values))

    async def die_at(self, point: FaultPoint, run_id: UUID, *, passes: int = 0) -> None:
        """Let an attempt at the run die there; then the run is queued again."""
        points = FaultPoints(self.services.settings.data_dir)
        points.arm(point, passes=passes)
        attempt = self.fork_server.start(
            "tests.attempt", self.services.settings, str(run_id)
        )
        await asyncio.to_thread(
            wait_until,
            lambda: not (points.is_armed(point) or attempt.is_running()),
            seconds=WAIT_SECONDS,
            what=f"It dies at {point}",
        )
        recovery = RunRecovery(
            self.services.db, self.services.redis, self.services.outbox, 3
        )
        assert await recovery.release(worker="attempt")

    async def answer(self, run_id: UUID, **draft: str) -> RunView:
        """Answer the run's question."""
        async with self.services.db.transaction() as session:
            return await answers.answer_run(
                session,
                self.actor,
                run_id=run_id,
                draft=AnswerDraft(**draft),
                parts=self.services,
            )

    async def returned(self, run_id: UUID) -> list[dict[str, Any]]:
        """Return the payloads of what tools gave back."""
        events = await self.runs.events(run_id)
        return [event.payload for event in events if event.type == "tool_returned"]


@pytest.fixture
def faulty(settings: Settings) -> Settings:
    """An installation in which processes can be told to die."""
    return settings.model_copy(update={"fault_points": True})


@pytest.fixture
async def desk(
    faulty: Settings,
    actor: Actor,
    make_agent: MakeAgent,
    fork_server: ForkServer,
) -> AsyncGenerator[Desk, None]:
    """Agents with tools of one person."""
    async with bootstrap.build(faulty, local_embedder=FakeEmbedder()) as services:
        yield Desk(services, actor, make_agent, fork_server)
