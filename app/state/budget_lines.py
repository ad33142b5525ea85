"""Budgets as pages show them."""

from typing import Literal

from app.backend.budgets.schemas import (
    BudgetPeriod,
    BudgetPolicy,
    BudgetScope,
    BudgetUnit,
    BudgetView,
)
from app.backend.usage.words import money, token_words
from app.state.lines import Line

NOTICE_PERCENT = 80
_FULL = 100
CHEAP = "the cheap default"
_LASTS = {
    BudgetPeriod.RUN: "for each run",
    BudgetPeriod.DAY: "a day",
    BudgetPeriod.MONTH: "a month",
    BudgetPeriod.TOTAL: "in all",
}
_THEN = {
    BudgetPolicy.STOP: "Then runs stop",
    BudgetPolicy.ASK: "Then runs ask for more",
}
Tone = Literal["ok", "warn", "bad"]


class BudgetLine(Line):
    """A budget in a list; `share` is how full it is, in percent of its bar."""

    subject: str
    icon: str
    amount: str
    used: str
    then: str
    share: int
    tone: Tone
    is_active: bool
    is_imposed: bool
    is_counted: bool
    may_change: bool
    edit_label: str
    delete_label: str


def budget_line(view: BudgetView) -> BudgetLine:
    """Return a budget for a list."""
    subject, icon = _subject(view)
    amount, percent = _LASTS[view.period], view.percent or 0
    if view.amount is not None:
        amount = f"{_words(view, view.amount)} {amount}"
    name = f"{subject}, {amount}"
    return BudgetLine(
        id=str(view.id),
        subject=subject,
        icon=icon,
        amount=amount,
        used=_used(view),
        then=_THEN.get(view.policy, f"Then {view.cheaper_model or CHEAP} answers"),
        share=min(percent, _FULL),
        tone="bad" if percent >= _FULL else _tone(percent),
        is_active=view.is_active,
        is_imposed=view.is_imposed,
        is_counted=view.spent is not None,
        may_change=view.may_change,
        edit_label=f"Change the budget: {name}",
        delete_label=f"Delete the budget: {name}",
    )


def _used(view: BudgetView) -> str:
    if view.amount is None:
        return "Used up" if view.is_used_up else "Not used up"
    if view.spent is not None:
        left = _words(view, max(view.amount - view.spent, 0))
        return f"{_words(view, view.spent)} used, {left} left ({view.percent} %)"
    if view.period is BudgetPeriod.RUN:
        return "Each run counts by itself"
    return "Each person counts by themselves"


def _tone(percent: int) -> Tone:
    return "warn" if percent >= NOTICE_PERCENT else "ok"


def _subject(view: BudgetView) -> tuple[str, str]:
    match view.scope:
        case BudgetScope.INSTALLATION:
            return "Everybody", "building_2"
        case BudgetScope.TIER:
            return f"Each person of the tier {view.tier_name}", "layers"
        case BudgetScope.USER:
            return view.user_email, "user"
        case BudgetScope.AGENT:
            return view.agent_name, "bot"


def _words(view: BudgetView, amount: float) -> str:
    stored = view.unit.stored(amount)
    return money(stored) if view.unit is BudgetUnit.USD else token_words(stored)
