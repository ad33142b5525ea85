"""Rows of conversations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, UniqueConstraint

from app.backend.core import clock
from app.backend.core.rows import JsonColumn, OwnedRow, UtcColumn


class ThreadRow(OwnedRow, table=True):
    """A conversation of one user with one agent on one channel; `external_id` is what the client calls it."""

    __table_args__ = (
        Index("ix_thread_owner_id_id", "owner_id", "id"),
        Index("ix_thread_agent_id_id", "agent_id", "id"),
        Index("ix_thread_owner_id_external_id", "owner_id", "external_id", unique=True),
    )

    # The index that begins with it serves the lists too.
    owner_id: UUID = Field(foreign_key="user.id", ondelete="CASCADE")
    agent_id: UUID | None = None
    title: str = Field(default="", max_length=200)
    channel: str = "web"
    external_id: str | None = Field(default=None, max_length=200)
    updated_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)


class MessageRow(OwnedRow, table=True):
    """One message of a thread; `sequence` orders them from 1."""

    __table_args__ = (UniqueConstraint("thread_id", "sequence"),)

    thread_id: UUID = Field(foreign_key="thread.id", ondelete="CASCADE")
    run_id: UUID | None = Field(default=None, index=True)
    sequence: int
    role: str
    content: str
    tool_name: str = ""
    tool_call_id: str = ""
    attachments: list[dict[str, Any]] = Field(default_factory=list, sa_type=JsonColumn)
