"""Agents whose model costs a cent a word, and budgets on them."""

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import func, select

from app.backend.agents.schemas import AgentKind
from app.backend.agents.tables import AgentRow
from app.backend.bootstrap import Services
from app.backend.budgets import ledger
from app.backend.budgets import service as budgets
from app.backend.budgets.schemas import BudgetDraft, BudgetView
from app.backend.core.actor import Actor
from app.backend.core.stored_events import RunEvent
from app.backend.runs import executor
from app.backend.runs.schemas import RunView
from app.backend.usage.tables import UsageRecordRow
from tests.integration.tools.conftest import Desk, desk, faulty
from tests.priced import add_priced
from tests.runs import Runs

__all__ = ["desk", "faulty"]

CENT = 10_000
# Dollars a million tokens: what is read is free, a word said is a cent.
PRICES = {"price_in": 0.0, "price_out": 10_000.0}
# The most that a call may say.
MOST = 20


def words(count: int, **reply: Any) -> str:
    """Return a script that says so many words."""
    return json.dumps({"tokens": count, **reply})


def steps(
    *calls: tuple[str, dict[str, Any]] | None,
    count: int = 10,
    pace: float | None = None,
) -> str:
    """Return a script that says so many words in each turn, so many a second, and calls a tool, or none."""
    said = {"tokens": count, **({"tokens_per_second": pace} if pace else {})}
    replies = [{**said, **(_calling(*call) if call else {})} for call in calls]
    # The name of a model may not be longer.
    return json.dumps({"replies": replies}, separators=(",", ":"))


def _calling(name: str, args: dict[str, Any]) -> dict[str, Any]:
    call = {"name": name, **({"args": args} if args else {})}
    return {"tool_calls": [call]}


@dataclass
class Purse:
    """Runs that cost money, and what they may cost."""

    desk: Desk

    def on(self, services: Services) -> "Purse":
        """Return the same on other parts."""
        return Purse(replace(self.desk, services=services))

    @property
    def services(self) -> Services:
        """The parts of this process."""
        return self.desk.services

    @property
    def actor(self) -> Actor:
        """Who runs."""
        return self.desk.actor

    @property
    def runs(self) -> Runs:
        """The runs of the owner."""
        return self.desk.runs

    async def models(self, *scripts: str, **prices: Any) -> list[str]:
        """Add scripts that cost a cent a word."""
        facts = {"capabilities": {"tools": True}}
        return await add_priced(
            self.services, self.actor, *scripts, **{**facts, **PRICES, **prices}
        )

    async def agent(self, model: str, **values: Any) -> AgentRow:
        """Add an agent that answers."""
        kind = {"kind": AgentKind.ANSWER, "tools": [], "max_tokens": MOST}
        return await self.desk.agent(model, **{**kind, **values})

    async def worker(self, model: str, **values: Any) -> AgentRow:
        """Add an agent with tools."""
        return await self.desk.agent(model, max_tokens=MOST, **values)

    async def limit(
        self, amount: float, *, by: Actor | None = None, **draft: Any
    ) -> BudgetView:
        """Set a budget."""
        async with self.services.db.transaction() as session:
            return await budgets.create_budget(
                session, by or self.actor, draft=BudgetDraft(amount=amount, **draft)
            )

    async def get(self, budget: BudgetView, *, by: Actor | None = None) -> BudgetView:
        """Return a budget with what is spent."""
        async with self.services.db.read() as session:
            return await budgets.get_budget(
                session, by or self.actor, budget_id=budget.id, is_everyone=True
            )

    async def run(self, agent: AgentRow, *, by: Actor | None = None) -> RunView:
        """Run an agent here, until it ends or waits."""
        runs = Runs(self.services, by or self.actor)
        started = await runs.start(agent.id)
        await self.work(started.id)
        return await runs.get(started.id)

    async def work(self, run_id: UUID) -> None:
        """Carry out what is next in line."""
        await executor.execute_run(
            self.services, run_id, worker="here", shutdown=asyncio.Event()
        )

    async def spent(self) -> int:
        """Return what all calls cost, in millionths of a dollar."""
        async with self.services.db.read() as session:
            found = await session.exec(select(func.sum(UsageRecordRow.cost_micros)))
            return int(found.one() or 0)

    async def events(self, run_id: UUID, kind: str) -> list[RunEvent]:
        """Return the events of one type."""
        return [one for one in await self.runs.events(run_id) if one.type == kind]


@pytest.fixture
def purse(desk: Desk) -> Purse:
    """Runs that cost money."""
    return Purse(desk)


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that is empty because the test has just begun."""
    monkeypatch.setattr(ledger, "GRACE_SECONDS", 0.0)
