"""The database goes away in the middle of a step: the run is not to blame, and goes on when it is back."""

import asyncio
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.backend.agents import nodes
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.runs.executor import execute_run
from app.backend.runs.recovery import RunRecovery
from app.backend.runs.upkeep import StandIn
from tests.factories.rows import MakeAgent
from tests.runs import Runs, assert_log_is_whole


@pytest.fixture
def broken_lines(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """Errors that the next attempts meet before they ask the model, one each."""
    errors: list[Exception] = []
    make_prompt = nodes.make_prompt

    def read_and_make(*args: Any, **kwargs: Any) -> Any:
        if errors:
            raise errors.pop()
        return make_prompt(*args, **kwargs)

    monkeypatch.setattr(nodes, "make_prompt", read_and_make)
    return errors


async def _work(services: Services, runs: Runs, agent_id: Any, times: int) -> Any:
    run = await runs.start(agent_id)
    for _ in range(times):
        await execute_run(services, run.id, worker="here", shutdown=asyncio.Event())
    assert_log_is_whole(await runs.events(run.id))
    return await runs.get(run.id)


def _away() -> OperationalError:
    return OperationalError("SELECT 1", {}, Exception("the server closed the line"))


@pytest.mark.parametrize(
    "error", [_away(), PoolTimeout("30 s"), psycopg.OperationalError("closed")]
)
async def test_run_goes_on_when_the_database_is_back(
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
    broken_lines: list[Exception],
    error: Exception,
) -> None:
    agent = await make_agent(actor)
    broken_lines += [error]

    run = await _work(services, runs, agent.id, 2)

    assert (run.status, run.attempt) == (RunStatus.COMPLETED, 2)


async def test_run_that_meets_this_in_each_attempt_fails_with_what_to_do(
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
    broken_lines: list[Exception],
) -> None:
    agent = await make_agent(actor)
    attempts = services.settings.run_attempts_max
    broken_lines += [_away() for _ in range(attempts)]

    run = await _work(services, runs, agent.id, attempts)

    assert (run.status, run.error_code) == (RunStatus.FAILED, "DATABASE_AWAY")
    assert "database" in run.error
    assert "Resume" in run.error


async def test_who_stands_in_for_the_scheduler_outlasts_a_pool_that_is_used_up(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RunRecovery] = []

    async def wait(recovery: RunRecovery) -> int:
        asked.append(recovery)
        message = "30 s"
        raise PoolTimeout(message)

    monkeypatch.setattr(RunRecovery, "recover_lost", wait)

    await StandIn(services).look()

    assert len(asked) == 1
