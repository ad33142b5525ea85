"""A run from its start to its end, in a real worker."""

import asyncio
from uuid import uuid4

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.runs import service
from app.backend.runs.schemas import RunDraft
from app.backend.threads import service as threads
from tests.factories.rows import MakeAgent
from tests.processes import Fork
from tests.runs import Runs, assert_log_is_whole


async def test_run_answers_and_its_log_is_whole(
    runs: Runs, worker: Fork, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model="scripted/hello")
    started = await runs.start(agent.id)

    run = await runs.wait(started.id)

    events = await runs.events(run.id)
    assert run.status == RunStatus.COMPLETED, events[-1]
    assert run.output is not None
    assert run.output.answer == "Hello! I am a script, not a language model."
    assert await runs.answer(run.id) == run.output.answer
    assert run.tokens_out > 0
    assert_log_is_whole(events)
    stages = [
        event.payload["stage"] for event in events if event.type == "stage_changed"
    ]
    assert stages == [
        "started",
        "initializing",
        "retrieving",
        "generating",
        "completed",
    ]
