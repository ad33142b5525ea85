"""Budgets of tokens, cost, steps and time end a run within one step, also one that spends through a run below it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from app.backend.agents.tables import AgentRow
from app.backend.budgets.schemas import BudgetPeriod, BudgetScope, BudgetUnit
from app.backend.core.run_events import RunStatus
from app.backend.runs.schemas import RunView
from tests.integration.budgets.conftest import CENT, Purse, steps
from tests.integration.tools.children import ASK, children, work_through

NOW = ("now", {})
PLACES = [
    (BudgetScope.INSTALLATION, BudgetPeriod.DAY),
    (BudgetScope.USER, BudgetPeriod.DAY),
    (BudgetScope.AGENT, BudgetPeriod.TOTAL),
    (BudgetScope.AGENT, BudgetPeriod.RUN),
]


@dataclass(frozen=True)
class Case:
    """What is limited, and whether the run below spends it."""

    scope: BudgetScope
    period: BudgetPeriod
    unit: BudgetUnit
    is_below: bool


CASES = [
    Case(scope, period, unit, is_below)
    for scope, period in PLACES
    for unit in BudgetUnit
    for is_below in (False, True)
]
LIMITS: list[tuple[dict[str, int], str, bool]] = [
    (limit, words, is_below)
    for limit, words in (
        ({"steps_max": 3}, "limit of 3 steps"),
        ({"seconds_max": 2}, "limit of 2 seconds"),
    )
    for is_below in (False, True)
]


async def _spender(purse: Purse, *, is_below: bool, **values: Any) -> AgentRow:
    """Return an agent that spends for ever, or asks one that does."""
    endless, asking = await purse.models(
        steps(NOW, pace=5 if "seconds_max" in values else None), steps(ASK, None)
    )
    name = "Helper" if is_below else "Spender"
    spender = await purse.worker(endless, name=name, **values)
    return await purse.worker(asking) if is_below else spender


async def _calls(purse: Purse, run_id: UUID) -> list[dict[str, Any]]:
    below = [node.id for node in await children(purse.desk, run_id)]
    used = [await purse.events(one, "usage_recorded") for one in (run_id, *below)]
    return [event.payload for events in used for event in events]


async def _spend(purse: Purse, agent: AgentRow) -> RunView:
    started = await purse.runs.start(agent.id)
    return await work_through(purse.desk, started.id)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_run_ends_within_one_step_of_a_budget(purse: Purse, case: Case) -> None:
    agent = await _spender(purse, is_below=case.is_below)
    is_money = case.unit is BudgetUnit.USD
    cap = 35 * CENT if is_money else 200
    await purse.limit(
        case.unit.shown(cap),
        scope=case.scope,
        agent_id=agent.id if case.scope is BudgetScope.AGENT else None,
        period=case.period,
        unit=case.unit,
    )

    run = await _spend(purse, agent)

    assert run.status == RunStatus.TIMED_OUT, run.error
    assert "is used up" in run.error
    used = [
        one["cost_micros"] if is_money else one["tokens_in"] + one["tokens_out"]
        for one in await _calls(purse, run.id)
    ]
    assert sum(used) - max(used) < cap <= sum(used)


@pytest.mark.parametrize(("limit", "words", "is_below"), LIMITS, ids=str)
async def test_run_ends_within_one_step_of_steps_and_time(
    purse: Purse, limit: dict[str, int], words: str, is_below: bool
) -> None:
    agent = await _spender(purse, is_below=is_below, **limit)

    run = await _spend(purse, agent)

    ended = run
    if is_below:
        # Whoever asked is told, and goes on.
        assert run.status == RunStatus.COMPLETED, run.error
        (node,) = await children(purse.desk, run.id)
        ended = await purse.runs.get(node.id)
    assert ended.status == RunStatus.TIMED_OUT
    assert words in ended.error
    used = await purse.events(ended.id, "usage_recorded")
    assert len(used) <= 3


def test_table_has_twenty_cases() -> None:
    assert len(CASES) + len(LIMITS) == 20
