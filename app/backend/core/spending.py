"""What a run asks before each call of a model: whether somebody's budgets allow it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from app.backend.core.stored_events import RunEvent

# Which limit ended a run.
RUN_LIMIT, OUT_OF_TIME, OVER_BUDGET = "RUN_LIMIT", "OUT_OF_TIME", "OVER_BUDGET"


class LimitReached(Exception):
    """The run used up what it was allowed; `reason` says of what, and how to allow more."""

    code = RUN_LIMIT

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class PlannedCall:
    """A call of a model before it is made, and the most that it may take.

    `cost_micros` is in millionths of a dollar, None where no price is known. A call that is tried again keeps its `id`.
    """

    id: UUID
    model: str
    tokens_in: int
    tokens_out: int
    cost_micros: int | None


class OverBudget(LimitReached):
    """A budget is used up; `instead` is the model that may be asked all the same, if there is one."""

    code = OVER_BUDGET

    def __init__(self, reason: str, *, instead: str = "") -> None:
        super().__init__(reason)
        self.instead = instead


class Spending(Protocol):
    """Has the most that a call may take set aside on all budgets that it counts on."""

    async def reserve(self, call: PlannedCall) -> None:
        """Return when the call may be made.

        Raises:
            OverBudget: a budget is used up.
            NeedsPerson: a budget is used up, and its owner is asked for more.
            AppError: budgets cannot be checked now, or not for this model.
        """
        ...

    async def settle(self, events: Iterable[RunEvent]) -> None:
        """Count the calls that `events` tell of, whose rows are committed."""
        ...

    def model_for(self, name: str) -> str:
        """Return the model that is asked for `name`: another one when a budget has led to it."""
        ...


class NoSpending:
    """Allows everything: for calls that somebody else counts."""

    async def reserve(self, call: PlannedCall) -> None:
        """Allow the call."""

    async def settle(self, events: Iterable[RunEvent]) -> None:
        """Count nothing."""

    def model_for(self, name: str) -> str:
        """Return the model itself."""
        return name
