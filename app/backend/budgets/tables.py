"""Rows of budgets."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import Field, and_, col, or_, true
from typing_extensions import override

from app.backend.core import clock
from app.backend.core.actor import Actor, Permission
from app.backend.core.rows import OwnedRow, UtcColumn
from app.backend.identity.tier_repository import tier_of
from app.backend.usage.tables import MicrosColumn


class BudgetRow(OwnedRow, table=True):
    """How much may be spent; `amount` is in millionths of a dollar, or in tokens.

    `owner_id` is the user whom it limits, or who owns the agent that it limits; None for the whole installation, or for
    each person of a tier.
    One that `is_imposed` was set by an administrator for somebody else, who may see it and not change it.
    `noticed` is the period in which the log of a run said that it is nearly used up.
    """

    owner_id: UUID | None = Field(  # pyright: ignore[reportIncompatibleVariableOverride] - what belongs to all has no owner
        default=None, foreign_key="user.id", index=True, ondelete="CASCADE"
    )
    scope: str
    agent_id: UUID | None = Field(
        default=None, foreign_key="agent.id", index=True, ondelete="CASCADE"
    )
    tier_id: UUID | None = Field(
        default=None, foreign_key="tier.id", index=True, ondelete="CASCADE"
    )
    period: str
    unit: str
    amount: int = Field(sa_type=MicrosColumn)
    policy: str
    cheaper_model: str = ""
    is_active: bool = True
    is_imposed: bool = False
    noticed: str = ""
    updated_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)

    @override
    @classmethod
    def shared_with(cls, actor: Actor) -> ColumnElement[bool] | None:
        if actor.may(Permission.VIEW_USER):
            return true()
        tier_id = col(cls.tier_id)
        of_mine = or_(tier_id.is_(None), tier_id == tier_of(actor.user_id))
        return and_(col(cls.owner_id).is_(None), of_mine)
