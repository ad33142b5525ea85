"""Agents that ask agents, in tests."""

from typing import Any
from uuid import UUID

from app.backend.core.run_events import RunStatus
from app.backend.runs import trees
from app.backend.runs.schemas import RunView
from app.backend.runs.trees import RunNode
from tests.integration.tools.conftest import Desk, script
from tests.runs import assert_log_is_whole

ASK = ("run_agent", {"agent": "Helper", "question": "What is it?"})


def ask(agent: str) -> tuple[str, dict[str, Any]]:
    """Return a call that asks `agent`."""
    return "run_agent", {"agent": agent, "question": "What is it?"}


async def helper(desk: Desk, *turns: Any, model: str = "", name: str = "Helper") -> Any:
    """Add an agent that can be asked."""
    return await desk.agent(model or script(*turns or ["Forty-two."]), name=name)


async def children(desk: Desk, run_id: UUID) -> list[RunNode]:
    """Return what is below a run."""
    async with desk.services.db.read() as session:
        tree = await trees.read_tree(session, desk.actor, run_id=run_id)
    return [node for node in tree.items if node.parent_id == run_id]


async def child_of(desk: Desk, run: RunView) -> RunView:
    """Return the run that a run waits for."""
    assert run.status == RunStatus.WAITING, run.error
    assert run.waits_for_id is not None
    return await desk.runs.get(run.waits_for_id)


async def work_through(desk: Desk, run_id: UUID) -> RunView:
    """Carry out what is in line, until the run has ended."""
    run = await desk.work(run_id)
    while not run.status.is_terminal:
        run = await desk.work(run_id)
    return run


async def kinds(desk: Desk, run_id: UUID) -> list[str]:
    """Return the types of a log, which is whole."""
    events = await desk.runs.events(run_id)
    assert_log_is_whole(events)
    return [event.type for event in events]
