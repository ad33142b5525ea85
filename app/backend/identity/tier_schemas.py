"""What tiers show and take."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.backend.core.paging import Listed
from app.backend.core.texts import Name

# What an integer of every database holds.
LIMIT_MAX = 1_000_000_000
Limit = Annotated[int, Field(ge=1, le=LIMIT_MAX)]


class Limits(BaseModel):
    """What somebody may use; null is as much as they like."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    requests_per_minute: Limit | None = Field(
        default=None,
        description="Requests of programs in any 60 seconds, and as many actions in pages.",
    )
    runs_per_day: Limit | None = Field(
        default=None, description="Runs begun on one day, in UTC."
    )
    runs_active: Limit | None = Field(
        default=None, description="Runs queued or running at once."
    )
    storage_mb: Limit | None = Field(
        default=None, description="Megabytes of uploaded files."
    )

    def instead_of(self, others: "Limits") -> "Limits":
        """Return these limits, and the `others` where there is none of them."""
        return others.model_copy(update=self.given)

    @property
    def given(self) -> dict[str, int]:
        """The limits that there are, by name."""
        return self.model_dump(include=set(Limits.model_fields), exclude_none=True)


class TierDraft(Limits):
    """A tier to be made or changed."""

    name: Name
    is_default: bool = Field(
        default=False, description="Whether it is for all who have no other tier."
    )


class TierView(Limits, Listed):
    """A tier; `people` are the users in it."""

    name: str
    is_default: bool
    people: int = 0


class PersonLimitsDraft(BaseModel):
    """The tier of a user, null for the default one, and what they have in the place of its limits."""

    model_config = ConfigDict(frozen=True)

    tier_id: UUID | None = None
    own: Limits = Limits()


class PersonLimits(PersonLimitsDraft):
    """The same, with the tier that counts and what comes of both."""

    tier: TierView
    limits: Limits
