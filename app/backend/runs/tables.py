"""Rows of runs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, UniqueConstraint

from app.backend.core.rows import JsonColumn, OwnedRow, Table, UtcColumn


class RunRow(OwnedRow, table=True):
    """A run: the truth about it, whatever the queue says.

    `epoch` rises with each claim and fences off a worker that lost its lease; `dispatch` rises with each
    time the run is queued; `attempt` counts claims that were not handed back; `interruption` says why the one before
    ended; `origin_id` is the run that this one repeats or resumes; `last_seq` is the newest event's seq. `request_id` is
    made by the client, so that a double click is one run.
    """

    __table_args__ = (
        Index("ix_run_owner_id_id", "owner_id", "id"),
        Index("ix_run_agent_id_id", "agent_id", "id"),
        UniqueConstraint("owner_id", "request_id"),
    )

    agent_id: UUID | None = Field(
        default=None, foreign_key="agent.id", ondelete="SET NULL"
    )
    agent_name: str
    thread_id: UUID | None = Field(
        default=None, foreign_key="thread.id", index=True, ondelete="SET NULL"
    )
    status: str = Field(index=True)
    trigger: str
    correlation_id: UUID
    request_id: UUID | None = None
    input: dict[str, Any] = Field(sa_type=JsonColumn)
    output: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)
    error: str = ""
    error_code: str = Field(default="", index=True)
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    epoch: int = 0
    attempt: int = 0
    dispatch: int = 1
    worker: str = ""
    interruption: str = ""
    origin_id: UUID | None = Field(default=None, index=True)
    last_seq: int = 0
    lease_until: datetime | None = Field(default=None, index=True, sa_type=UtcColumn)
    stop_requested_at: datetime | None = Field(default=None, sa_type=UtcColumn)
    started_at: datetime | None = Field(default=None, sa_type=UtcColumn)
    completed_at: datetime | None = Field(default=None, sa_type=UtcColumn)


class RunEventRow(Table, table=True):
    """One event of a run; `seq` starts at 1 and has no holes. Append-only."""

    run_id: UUID = Field(foreign_key="run.id", primary_key=True, ondelete="CASCADE")
    seq: int = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="user.id", ondelete="CASCADE")
    ts: datetime = Field(sa_type=UtcColumn)
    type: str
    level: str
    payload: dict[str, Any] = Field(sa_type=JsonColumn)


class CheckpointLinkRow(Table, table=True):
    """A checkpoint that counts: written with the events around it, under the same fence.

    The newest one of a run has the highest epoch, and in it the highest id, which are sorted by time.
    """

    run_id: UUID = Field(foreign_key="run.id", primary_key=True, ondelete="CASCADE")
    epoch: int = Field(primary_key=True)
    checkpoint_id: str = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="user.id", index=True, ondelete="CASCADE")
    saver_thread: str
    step: int
