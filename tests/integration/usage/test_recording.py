"""Each call of a model is a row, once, with what it cost; a run shows the sum."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from sqlmodel import col, select, update

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus, UsageRecorded
from app.backend.core.settings import Settings
from app.backend.models import patience
from app.backend.runs import executor
from app.backend.runs import service as run_service
from app.backend.runs.errors import LeaseLost
from app.backend.runs.event_log import EventLog
from app.backend.runs.schemas import RunView
from app.backend.runs.tables import RunRow
from app.backend.usage.tables import UsageRecordRow
from app.backend.usage.words import cost_words
from tests.factories.rows import MakeAgent, MakeRun
from tests.fakes.knowledge import FakeEmbedder
from tests.priced import PRICE_IN, PRICE_OUT, add_priced
from tests.runs import Runs

USED = UsageRecorded(
    model="priced/x",
    tokens_in=10,
    tokens_out=5,
    first_token_milliseconds=1,
    milliseconds=2,
    price="set 1/1/1",
    cost_micros=15,
)


@pytest.fixture
async def parts(settings: Settings) -> AsyncGenerator[Services, None]:
    """Parts whose vectors need no model."""
    async with bootstrap.build(settings, local_embedder=FakeEmbedder()) as services:
        yield services


def _tell(events: Any) -> None:
    del events


async def _run(parts: Services, actor: Actor, agent: Any) -> RunView:
    runs = Runs(parts, actor)
    started = await runs.start(agent.id)
    await executor.execute_run(
        parts, started.id, worker="here", shutdown=asyncio.Event()
    )
    async with parts.db.read() as session:
        return await run_service.show_run(session, actor, run_id=started.id)


async def _rows(parts: Services) -> list[UsageRecordRow]:
    async with parts.db.read() as session:
        order = (col(UsageRecordRow.ts), col(UsageRecordRow.seq))
        found = await session.exec(select(UsageRecordRow).order_by(*order))
        return list(found.all())


async def test_call_is_a_row_with_its_cost(
    parts: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    (model,) = await add_priced(
        parts, actor, "hello", capabilities={"context_window": 1000}
    )
    agent = await make_agent(actor, model=model, name="Clerk")

    run = await _run(parts, actor, agent)

    (row,) = await _rows(parts)
    cost = round(row.tokens_in * PRICE_IN + row.tokens_out * PRICE_OUT)
    assert run.status == RunStatus.COMPLETED, run.error
    assert (row.tokens_in, row.tokens_out) == (run.tokens_in, run.tokens_out)
    assert (row.run_id, row.owner_id) == (run.id, actor.user_id)
    assert (row.agent_id, row.agent_name) == (agent.id, "Clerk")
    assert (row.provider, row.model) == ("priced", model)
    assert (row.price, row.cost_micros) == ("set 1000/2000/1000", cost)
    assert (row.outcome, row.is_estimated) == ("completed", False)
    assert 0 < row.first_token_milliseconds <= row.milliseconds
    assert run.cost is not None
    assert (run.cost.calls, run.cost.cost_micros) == (1, cost)
    assert run.cost.window_percent == row.tokens_in * 100 // 1000
    async with parts.db.read() as session:
        page = await run_service.list_runs(session, actor)
    assert page.items[0].cost == run.cost
    (event,) = [
        one
        for one in await Runs(parts, actor).events(run.id)
        if one.type == "usage_recorded"
    ]
    assert (event.seq, event.payload["cost_micros"]) == (row.seq, cost)


async def test_local_model_costs_nothing_and_one_without_a_price_is_unknown(
    parts: Services,
    actor: Actor,
    make_agent: MakeAgent,
    make_run: MakeRun,
) -> None:
    agent = await make_agent(actor, model="scripted/hello")
    row = await make_run(actor, status=RunStatus.RUNNING, epoch=1)
    log = EventLog(parts.db, row, _tell)
    log.append(USED.model_copy(update={"price": "", "cost_micros": None}))
    await log.flush()

    local = await _run(parts, actor, agent)

    async with parts.db.read() as session:
        unknown = await run_service.show_run(session, actor, run_id=row.id)
    assert local.cost is not None
    assert unknown.cost is not None
    assert cost_words(local.cost) == "$0"
    assert cost_words(unknown.cost) == "unknown"


async def test_call_that_fails_midway_is_paid_for_what_was_said(
    parts: Services,
    actor: Actor,
    make_agent: MakeAgent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.0)
    dead, cut = await add_priced(
        parts,
        actor,
        '{"text": "", "error": "unavailable"}',
        '{"text": "one two three", "error": "unavailable"}',
    )

    runs = [
        await _run(parts, actor, await make_agent(actor, model=model))
        for model in (dead, cut)
    ]

    assert [run.status for run in runs] == [RunStatus.FAILED] * 2
    unpaid, paid, again = await _rows(parts)
    # Five failures in a row, and the service is left alone: what was said twice was paid twice.
    assert (again.outcome, again.tokens_out) == (paid.outcome, paid.tokens_out)
    assert (unpaid.outcome, unpaid.cost_micros, unpaid.tokens_in) == ("failed", 0, 0)
    assert (paid.outcome, paid.tokens_out, paid.is_estimated) == ("failed", 3, True)
    assert paid.cost_micros == round(
        paid.tokens_in * PRICE_IN + paid.tokens_out * PRICE_OUT
    )
    assert paid.tokens_in > 0


async def test_call_that_goes_beyond_a_limit_is_counted(
    parts: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    (model,) = await add_priced(parts, actor, '{"text": "one two three four five"}')
    agent = await make_agent(actor, model=model, tokens_max=3)

    run = await _run(parts, actor, agent)

    (row,) = await _rows(parts)
    assert run.status == RunStatus.TIMED_OUT
    assert (row.outcome, row.tokens_out) == ("cut", 4)
    assert run.tokens_out == row.tokens_out


async def test_batch_that_is_written_again_counts_once_and_a_lost_run_nothing(
    services: Services, actor: Actor, make_run: MakeRun
) -> None:
    row = await make_run(actor, status=RunStatus.RUNNING, epoch=1)
    for _ in range(2):
        # The second is as after a commit whose answer was lost.
        log = EventLog(services.db, row, _tell)
        log.append(USED)
        await log.flush()
    async with services.db.transaction() as session:
        await session.exec(update(RunRow).values(epoch=2))
    lost = EventLog(services.db, row, _tell)
    lost.append(USED)
    with pytest.raises(LeaseLost):
        await lost.flush()

    assert [one.seq for one in await _rows(services)] == [1]
