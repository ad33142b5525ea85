"""Rows of usage."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from app.backend.core.rows import Table, UtcColumn

MicrosColumn: Any = BigInteger


class UsageRecordRow(Table, table=True):
    """A call of a model, and what it took: written together with the event `seq` of the run that tells of it.

    It outlives its run and its agent, without keys to them: what was spent stays spent. `price` says what its cost
    was reckoned with; `cost_micros` is in millionths of a dollar, None where no price is known. `tokens_cached` are
    part of `tokens_in`, `tokens_reasoning` of `tokens_out`; `window` is the context window of the model. `root_id` is the
    first run of the tree that the call was made in, and `root_agent_id` that one's agent.
    """

    __table_args__ = (
        Index("ix_usage_record_owner_id_day", "owner_id", "day"),
        Index("ix_usage_record_owner_id_ts", "owner_id", "ts", "run_id", "seq"),
        Index("ix_usage_record_day", "day"),
        Index("ix_usage_record_agent_id_day", "agent_id", "day"),
        Index("ix_usage_record_root_agent_id_day", "root_agent_id", "day"),
        Index("ix_usage_record_root_id", "root_id"),
    )

    run_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="user.id", ondelete="CASCADE")
    agent_id: UUID | None = None
    agent_name: str = ""
    root_id: UUID | None = None
    root_agent_id: UUID | None = None
    ts: datetime = Field(sa_type=UtcColumn)
    day: date
    provider: str
    model: str
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    tokens_reasoning: int
    window: int | None = None
    first_token_milliseconds: float
    milliseconds: float
    price: str
    cost_micros: int | None = Field(default=None, sa_type=MicrosColumn)
    is_estimated: bool
    outcome: str
