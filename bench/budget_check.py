"""What budgets add to a call of a model: the check before it, and the settling after it.

    python -m bench.budget_check

Rows and Redis are real; no model is asked. The floor is one question to the same Redis.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.budgets import service as budgets
from app.backend.budgets.caps import Payer
from app.backend.budgets.schemas import BudgetDraft, BudgetPeriod, BudgetScope
from app.backend.budgets.spending import RunSpending
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.run_events import Event, UsageRecorded
from app.backend.core.settings import Settings
from app.backend.core.spending import PlannedCall
from app.backend.core.stored_events import RunEvent
from bench.report import Row, percentile, report
from tests.factories.rows import RowFactory
from tests.fakes.knowledge import FakeEmbedder
from tests.stack import start_stack

CALLS = 1000
GOAL = "check before a call: p50 <= 1 ms"
COST = 1000


async def main(settings: Settings) -> None:
    """Measure a call that no budget limits, and one that four budgets limit."""
    async with bootstrap.build(settings, local_embedder=FakeEmbedder()) as services:
        actor = await RowFactory(services.db).user(role="admin")
        agent = await RowFactory(services.db).agent(actor)
        run_id = ids.new_id()
        payer = Payer(actor.user_id, agent.id, run_id, run_id, agent.id, actor.user_id)
        times: dict[str, list[float]] = {}
        await _measure(services, payer, times, "no budget")
        await _set_four(services, actor, payer)
        await _measure(services, payer, times, "four budgets")
    rows: list[Row] = [
        {
            "what": what,
            "p50 ms": percentile(found, 50),
            "p95 ms": percentile(found, 95),
            "p99 ms": percentile(found, 99),
        }
        for what, found in times.items()
    ]
    report("budget_check", f"Budgets of a call, {CALLS} calls", rows, goal=GOAL)


async def _set_four(services: Services, actor: Actor, payer: Payer) -> None:
    agent = {"scope": BudgetScope.AGENT, "agent_id": payer.agent_id}
    drafts: Sequence[dict[str, object]] = (
        {"scope": BudgetScope.INSTALLATION, "period": BudgetPeriod.MONTH},
        {"period": BudgetPeriod.DAY},
        {**agent, "period": BudgetPeriod.TOTAL},
        {**agent, "period": BudgetPeriod.RUN},
    )
    async with services.db.transaction() as session:
        for values in drafts:
            draft = BudgetDraft.model_validate({"amount": 1_000_000, **values})
            await budgets.create_budget(session, actor, draft=draft)


async def _measure(
    services: Services, payer: Payer, times: dict[str, list[float]], what: str
) -> None:
    ways = ("asking Redis", f"check, {what}", f"settling, {what}")
    async with RunSpending(services, payer, emit=_forget) as spending:
        for number in range(CALLS + 20):
            call = PlannedCall(ids.new_id(), "m", 500, 500, COST)
            marks = [perf_counter()]
            await services.redis.exists("nothing")
            marks.append(perf_counter())
            await spending.reserve(call)
            marks.append(perf_counter())
            await spending.settle([_used(call, payer)])
            marks.append(perf_counter())
            if number < 20:  # rows are read and connections made
                continue
            for way, began, ended in zip(ways, marks, marks[1:], strict=False):
                times.setdefault(way, []).append((ended - began) * 1000)


def _used(call: PlannedCall, payer: Payer) -> RunEvent:
    used = UsageRecorded(
        call_id=call.id,
        model=call.model,
        tokens_in=100,
        tokens_out=100,
        first_token_milliseconds=1,
        milliseconds=1,
        cost_micros=COST // 2,
    )
    return RunEvent.of(payer.run_id, 1, clock.now(), used)


def _forget(event: Event) -> None:
    del event


if __name__ == "__main__":
    with (
        start_stack("sqlite") as stack,
        tempfile.TemporaryDirectory() as folder,
        stack.make_installation(Path(folder) / "data") as chosen,
    ):
        asyncio.run(main(chosen))
