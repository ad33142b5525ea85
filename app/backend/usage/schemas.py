"""What usage shows, and how it is asked for."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.backend.core.errors import Invalid
from app.backend.core.texts import Text

DAYS_MAX = 366
_FIRST, _LAST = date(1970, 1, 2), date(9999, 12, 1)


def _within_time(day: date) -> date:
    return min(max(day, _FIRST), _LAST)


Day = Annotated[date, AfterValidator(_within_time)]


class UsageGroup(StrEnum):
    """What usage is added up by."""

    DAY = "day"
    AGENT = "agent"
    MODEL = "model"
    PROVIDER = "provider"
    USER = "user"


class UsageWish(BaseModel):
    """Which calls count: from a day to a day, both with, in UTC; of one agent, model or provider; of a user, or of everybody."""

    model_config = ConfigDict(frozen=True)

    since: Day
    until: Day
    agent_id: UUID | None = None
    model: Text = ""
    provider: Text = ""
    user_id: UUID | None = Field(
        default=None, description="Somebody else's; for administrators."
    )
    is_everyone: bool = Field(
        default=False, description="All users together; for administrators."
    )

    @model_validator(mode="after")
    def _check_days(self) -> Self:
        if self.until < self.since:
            message = "The last day is before the first. Choose a later one."
            raise Invalid.field("until", message)
        if self.until - self.since >= timedelta(days=DAYS_MAX):
            message = f"At most {DAYS_MAX} days are added up at once. Choose fewer."
            raise Invalid.field("since", message)
        return self


class UsageSum(BaseModel):
    """What some calls took together.

    `cost_micros` is in millionths of a dollar and counts the calls whose price is known; `unpriced` are the others,
    `estimated` those whose tokens the provider did not report, `failed` those that ended with an error, `from_cache`
    those that the cache before the model answered. `p50` and `p95` are milliseconds that half, and 95 of a hundred,
    stayed within.
    """

    model_config = ConfigDict(frozen=True)

    calls: int = 0
    failed: int = 0
    from_cache: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    tokens_reasoning: int = 0
    cost_micros: int = 0
    unpriced: int = 0
    estimated: int = 0
    p50: float = 0
    p95: float = 0


class UsageLine(UsageSum):
    """The sum of one day, agent, model, provider or user; `key` is its id."""

    key: str
    name: str


class UsageReport(BaseModel):
    """Usage in a stretch of time, by `group_by`; days in order, all else with the most costly first."""

    model_config = ConfigDict(frozen=True)

    since: date
    until: date
    group_by: UsageGroup
    items: list[UsageLine]
    total: UsageSum


class RunCost(BaseModel):
    """What the calls of one run cost; `window_percent` says how full the model's context window was at most."""

    model_config = ConfigDict(frozen=True)

    calls: int
    cost_micros: int
    unpriced: int
    estimated: int
    window_percent: int | None = None
