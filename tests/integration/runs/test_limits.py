"""How far a run may go; the test itself is the worker."""

import asyncio

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.runs import executor
from app.backend.runs.schemas import RunView
from tests.factories.rows import MakeAgent
from tests.runs import Runs, assert_log_is_whole


async def _run(services: Services, runs: Runs, run: RunView) -> RunView:
    await executor.execute_run(
        services, run.id, worker="test", shutdown=asyncio.Event()
    )
    return await runs.get(run.id)


async def test_tokens_end_a_run_in_the_middle_of_its_answer(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs
) -> None:
    agent = await make_agent(actor, model="scripted/rate-40", tokens_max=12)

    run = await _run(services, runs, await runs.start(agent.id))

    assert (run.status, run.error_code) == (RunStatus.TIMED_OUT, "RUN_LIMIT")
    assert "limit of 12 tokens" in run.error
    assert "agent's settings" in run.error
    assert 1 <= len((await runs.answer(run.id)).split()) <= 13
    assert_log_is_whole(await runs.events(run.id))


async def test_seconds_end_a_run_as_its_agent_says(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs
) -> None:
    agent = await make_agent(actor, model="scripted/rate-40", seconds_max=1)

    run = await _run(services, runs, await runs.start(agent.id))

    assert (run.status, run.error_code) == (RunStatus.TIMED_OUT, "OUT_OF_TIME")
    assert "limit of 1 second" in run.error
