"""Whoever asks a model asks the budgets: the playground, and what runs here for us or for others."""

from collections.abc import Awaitable
from typing import Any, cast

from pydantic import SecretStr
from sqlmodel import select

from app.backend import bootstrap
from app.backend.agents import playground
from app.backend.agents.playground import Trial, TrialPiece
from app.backend.agents.schemas import Execution
from app.backend.budgets.schemas import BudgetPeriod
from app.backend.budgets.spending import spending_of
from app.backend.core.run_events import Event, RunStatus, UsageRecorded
from app.backend.runs.execute import ExecuteBody, execute
from app.backend.usage.tables import UsageRecordRow
from tests.factories.rows import MakeRun
from tests.fakes.knowledge import FakeEmbedder
from tests.integration.budgets.conftest import CENT, Purse, steps, words
from tests.parts import free_port


class Log:
    """What a run says."""

    def __init__(self) -> None:
        self.said: list[Event] = []

    def emit(self, event: Event) -> None:
        """Keep an event."""
        self.said.append(event)


async def _play(purse: Purse, model: str) -> list[TrialPiece]:
    parts, trial = purse.services, Trial(prompt="What?", max_tokens=20)
    asked = (parts.models, parts.db, purse.actor, model, trial)
    async with spending_of(parts, purse.actor) as spending:
        pieces = playground.ask(*asked, spending=spending)
        return [piece async for piece in pieces]


async def test_playground_is_counted_and_stopped(purse: Purse) -> None:
    (model,) = await purse.models(words(10))
    await purse.limit(0.15)
    await purse.limit(0.15, period=BudgetPeriod.RUN)

    found = [await _play(purse, model) for _ in range(3)]

    errors = [pieces[-1].error for pieces in found]
    assert errors[:2] == ["", ""]
    assert "is used up ($0.2000)" in errors[2]
    assert await purse.spent() == 20 * CENT
    free = await _play(purse, "scripted/hello")
    assert free[-1].error == ""


async def test_playground_counts_no_call_that_was_not_made(purse: Purse) -> None:
    await purse.limit(5)
    somewhere = {
        "openai_base_url": f"http://127.0.0.1:{free_port()}/v1",
        "openai_api_key": SecretStr("k"),
    }
    changed = purse.services.settings.model_copy(update=somewhere)

    async with bootstrap.build(changed, local_embedder=FakeEmbedder()) as services:
        pieces = await _play(purse.on(services), "openai/any")

    assert "The price of openai/any is not known" in pieces[-1].error
    async with purse.services.db.read() as session:
        assert (await session.exec(select(UsageRecordRow))).all() == []


async def test_runs_for_callers_from_elsewhere_are_counted_here(purse: Purse) -> None:
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model)
    budget = await purse.limit(0.15, scope="agent", agent_id=agent.id)
    log = Log()
    body = ExecuteBody(agent_id=agent.id, query="What?")

    ends = [
        await execute(purse.services, purse.actor, body, log.emit) for _ in range(3)
    ]

    assert [end.status for end in ends] == ["completed", "completed", "timed_out"]
    assert "is used up" in ends[2].error
    assert (await purse.get(budget)).spent == 0.20


async def test_rows_of_a_run_for_a_caller_tell_that_it_is_one(purse: Purse) -> None:
    agent = await purse.worker(f"scripted/{steps(('now', {}), None)}")
    body = ExecuteBody(agent_id=agent.id, query="What?")

    end = await execute(purse.services, purse.actor, body, Log().emit)

    assert end.status == "completed", end.error
    async with purse.services.db.read() as session:
        rows = (await session.exec(select(UsageRecordRow))).all()
    assert [row.root_agent_id for row in rows] == [agent.id] * 2
    (root_id,) = {row.root_id for row in rows}
    assert root_id is not None


async def test_run_of_ours_is_counted_by_whoever_writes_its_log(
    purse: Purse, make_run: MakeRun
) -> None:
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model, execution=Execution.REMOTE)
    await purse.limit(0.15, scope="agent", agent_id=agent.id)
    values: dict[str, Any] = {"status": RunStatus.RUNNING, "epoch": 1}
    run = await make_run(purse.actor, agent=agent, **values)
    log = Log()
    body = ExecuteBody(agent_id=agent.id, query="What?", run_id=run.id)

    end = await execute(purse.services, purse.actor, body, log.emit)

    assert end.status == "completed", end.error
    assert await purse.spent() == 0
    (used,) = [event for event in log.said if isinstance(event, UsageRecorded)]
    (held,) = await purse.services.redis.keys("app:budgets:*:held")
    entry = purse.services.redis.hexists(held, str(used.call_id))
    assert await cast("Awaitable[bool]", entry)
