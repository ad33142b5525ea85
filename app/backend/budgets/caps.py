"""A budget as the engine sees it: what counts on it, in which period, and how it is called."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from app.backend.budgets.schemas import (
    BudgetPeriod,
    BudgetPolicy,
    BudgetScope,
    BudgetUnit,
)
from app.backend.budgets.tables import BudgetRow
from app.backend.usage.words import money, token_words

_PER = {
    BudgetPeriod.RUN: "for each run",
    BudgetPeriod.DAY: "a day",
    BudgetPeriod.MONTH: "a month",
    BudgetPeriod.TOTAL: "in all",
}
_OF = {
    BudgetScope.INSTALLATION: "of this installation",
    BudgetScope.TIER: "of your tier",
    BudgetScope.USER: "of this user",
    BudgetScope.AGENT: "of this agent",
}
_ENDS = {
    BudgetPeriod.RUN: "Ask for less",
    BudgetPeriod.DAY: "Wait until tomorrow (UTC)",
    BudgetPeriod.MONTH: "Wait until next month (UTC)",
    BudgetPeriod.TOTAL: "Choose a model that costs nothing",
}


@dataclass(frozen=True)
class Payer:
    """On whose account a run is: its user, its agent with its owner, and the first run of its tree with that one's agent."""

    user_id: UUID
    agent_id: UUID | None
    run_id: UUID
    root_id: UUID
    root_agent_id: UUID | None
    agent_owner_id: UUID


@dataclass(frozen=True)
class Cap:
    """A budget that counts; `amount` is in millionths of a dollar, or in tokens.

    One of a tier is another one for each of its people; `person_id` is whose this is.
    """

    id: UUID
    owner_id: UUID | None
    agent_id: UUID | None
    scope: BudgetScope
    period: BudgetPeriod
    unit: BudgetUnit
    amount: int
    policy: BudgetPolicy
    cheaper_model: str
    is_imposed: bool
    person_id: UUID | None = None
    noticed: str = field(default="", compare=False)
    changed_at: datetime | None = field(default=None, compare=False)

    @classmethod
    def of(cls, row: BudgetRow, *, person_id: UUID | None = None) -> "Cap":
        """Return the budget of a row; one of a tier is that of a person in it."""
        is_of_tier = row.scope == BudgetScope.TIER
        return cls(
            id=row.id,
            owner_id=row.owner_id,
            agent_id=row.agent_id,
            scope=BudgetScope(row.scope),
            period=BudgetPeriod(row.period),
            unit=BudgetUnit(row.unit),
            amount=row.amount,
            policy=BudgetPolicy(row.policy),
            cheaper_model=row.cheaper_model,
            is_imposed=row.is_imposed,
            person_id=person_id if is_of_tier else None,
            noticed=row.noticed,
            changed_at=row.updated_at,
        )

    @property
    def account(self) -> str:
        """What tells it from all others."""
        return f"{self.id}:{self.person_id}" if self.person_id else str(self.id)

    @property
    def is_set_by_others(self) -> bool:
        """Whether an administrator set it, and whom it limits cannot change it."""
        return self.is_imposed or self.owner_id is None

    def is_told(self, user_id: UUID) -> bool:
        """Whether a user is told amounts of it: whom it limits, or whose agent."""
        return user_id in (self.owner_id, self.person_id)

    def period_of(self, payer: Payer, day: date) -> str:
        """Return the name of the period that a call of the payer's on a day (UTC) counts in."""
        if self.period is not BudgetPeriod.RUN:
            return period_on(self.period, day)
        is_below = (
            self.scope is BudgetScope.AGENT and self.agent_id != payer.root_agent_id
        )
        return str(payer.run_id if is_below else payer.root_id)

    def words(self, amount: int) -> str:
        """Return an amount in dollars or tokens."""
        return money(amount) if self.unit is BudgetUnit.USD else token_words(amount)

    def name_for(self, user_id: UUID) -> str:
        """What it is called in messages to a user; amounts are told to whom it limits alone."""
        name = f"the budget {_OF[self.scope]}"
        if not self.is_told(user_id):
            return name
        return f"{name} ({self.words(self.amount)} {_PER[self.period]})"

    def used_up(self, spent: int, user_id: UUID) -> str:
        """Say to a user that it is used up, and what to do."""
        name, is_told = self.name_for(user_id), self.is_told(user_id)
        if self.is_set_by_others:
            who = "ask an administrator to raise it"
        elif self.owner_id == user_id:
            who = "raise it on the page Usage"
        else:
            who = "ask the owner of the agent to raise it"
        amount = f" ({self.words(spent)})" if is_told else ""
        return f"{name[0].upper()}{name[1:]} is used up{amount}. {_ENDS[self.period]}, or {who}."


def period_on(period: BudgetPeriod, day: date) -> str:
    """Return the name of the period of days that goes on on a day."""
    match period:
        case BudgetPeriod.DAY:
            return day.isoformat()
        case BudgetPeriod.MONTH:
            return f"{day:%Y-%m}"
        case BudgetPeriod.TOTAL | BudgetPeriod.RUN:
            return "all"


def days_of(period: BudgetPeriod, name: str) -> tuple[date, date] | None:
    """Return the first and the last day of a period; None for one that has none."""
    if period is BudgetPeriod.DAY:
        day = date.fromisoformat(name)
        return day, day
    if period is BudgetPeriod.MONTH:
        first = date.fromisoformat(f"{name}-01")
        next_month = (first + timedelta(days=31)).replace(day=1)
        return first, next_month - timedelta(days=1)
    return None
