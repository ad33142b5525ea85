"""What a budget is, and how one is set."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.backend.core.errors import Invalid
from app.backend.core.paging import Listed
from app.backend.core.texts import Text
from app.backend.usage.words import MICROS

AMOUNT_MAX = 1_000_000_000


class BudgetScope(StrEnum):
    """Whose calls count on a budget: those of everybody, of each person of a tier by themselves, of a user, or of an agent with all below the runs that it began."""

    INSTALLATION = "installation"
    TIER = "tier"
    USER = "user"
    AGENT = "agent"


class BudgetPeriod(StrEnum):
    """How long an amount lasts: for each run with all that it starts, a day or a month in UTC, or for ever."""

    RUN = "run"
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


class BudgetUnit(StrEnum):
    """What is counted: US dollars, or tokens read and written."""

    USD = "usd"
    TOKENS = "tokens"

    def stored(self, amount: float) -> int:
        """Return an amount as it is counted: in millionths of a dollar, or in tokens."""
        return round(amount * MICROS) if self is BudgetUnit.USD else round(amount)

    def shown(self, amount: int) -> float:
        """Return a counted amount in dollars, or in tokens."""
        return amount / MICROS if self is BudgetUnit.USD else amount


class BudgetPolicy(StrEnum):
    """What happens when it is used up: the run ends, its person is asked for more, or another model answers."""

    STOP = "stop"
    ASK = "ask"
    CHEAPER = "cheaper"


Amount = Annotated[float, Field(gt=0, le=AMOUNT_MAX, allow_inf_nan=False)]
ModelName = Annotated[Text, Field(max_length=300)]


class BudgetChange(BaseModel):
    """What is changed of a budget; what is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    period: BudgetPeriod | None = None
    unit: BudgetUnit | None = None
    amount: Amount | None = Field(default=None, description="US dollars, or tokens.")
    policy: BudgetPolicy | None = None
    cheaper_model: ModelName | None = None
    is_active: bool | None = None


class BudgetDraft(BaseModel):
    """A budget to be set.

    Without `user_id` one of the scope user is one's own. `cheaper_model` is asked with the policy `cheaper`;
    without one it is the cheap default of the agent's owner, or else the model on this machine. An administrator who
    means somebody else's agent says `is_everyone`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: BudgetScope = BudgetScope.USER
    user_id: UUID | None = Field(
        default=None, description="Somebody else's; for administrators."
    )
    agent_id: UUID | None = None
    tier_id: UUID | None = Field(
        default=None, description="Each person of it has the amount by themselves."
    )
    period: BudgetPeriod = BudgetPeriod.DAY
    unit: BudgetUnit = BudgetUnit.USD
    amount: Amount = Field(description="US dollars, or tokens.")
    policy: BudgetPolicy = BudgetPolicy.STOP
    cheaper_model: ModelName = ""
    is_active: bool = True
    is_everyone: bool = Field(
        default=False, description="Also somebody else's agent; for administrators."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.scope is BudgetScope.AGENT and self.agent_id is None:
            raise Invalid.field("agent_id", "Choose the agent that it is for.")
        if self.scope is BudgetScope.TIER and self.tier_id is None:
            raise Invalid.field("tier_id", "Choose the tier that it is for.")
        return self


class BudgetView(Listed):
    """A budget, and how much of it is used in the period that goes on; of one for each run that is not one number.

    `amount` and `spent` are dollars or tokens. Of the installation's budgets only administrators are told them, others
    whether it `is_used_up`; of a tier's, `spent` is what the asker has used, if they are in it. One that `is_imposed`
    was set by an administrator for somebody else.
    """

    scope: BudgetScope
    user_id: UUID | None
    user_email: str = ""
    agent_id: UUID | None
    agent_name: str = ""
    tier_id: UUID | None
    tier_name: str = ""
    period: BudgetPeriod
    unit: BudgetUnit
    amount: float | None
    policy: BudgetPolicy
    cheaper_model: str
    is_active: bool
    is_imposed: bool
    may_change: bool = False
    since: date | None = None
    spent: float | None = None
    percent: int | None = None
    is_used_up: bool = False
