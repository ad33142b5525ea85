"""Rows of agents."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index
from sqlmodel import Field, UniqueConstraint, col, or_
from typing_extensions import override

from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.rows import JsonColumn, OwnedRow, UtcColumn
from app.backend.core.sealing import SealedText
from app.backend.identity.sharing_repository import is_shared
from app.backend.identity.tables import ShareRow
from app.backend.secrets.references import ReferenceColumn

REMOTE_KEY_PURPOSE = "agents.remote_key"
_KeyColumn: Any = SealedText(REMOTE_KEY_PURPOSE)


class AgentShareRow(ShareRow, table=True):
    """With whom an agent is shared: to see it, to run it, or to change it."""

    __table_args__ = (
        UniqueConstraint("user_id", "object_id"),
        UniqueConstraint("group_id", "object_id"),
    )

    object_id: UUID = Field(foreign_key="agent.id", index=True, ondelete="CASCADE")


class AgentRow(OwnedRow, table=True):
    """An agent as its owner described it; one that `is_public` everybody may run."""

    __table_args__ = (
        Index("ix_agent_owner_id_id", "owner_id", "id"),
        Index("ix_agent_is_public_id", "is_public", "id"),
    )

    # The index that begins with it serves the lists too.
    owner_id: UUID = Field(foreign_key="user.id", ondelete="CASCADE")
    name: str = Field(max_length=100)
    description: str = Field(default="", max_length=500)
    kind: str
    instructions: str = ""
    model: str
    fallbacks: list[str] = Field(default_factory=list, sa_type=JsonColumn)
    temperature: float
    max_tokens: int
    passages: int
    tools: list[str] = Field(default_factory=list, sa_type=JsonColumn)
    execution: str
    remote_url: str = ""
    remote_agent_id: str = ""
    # One of the two: the key itself, or where it lies.
    remote_key: str = Field(default="", sa_type=_KeyColumn)
    remote_secret: str = Field(default="", sa_type=ReferenceColumn)
    concurrency: str = "enqueue"
    steps_max: int | None = None
    seconds_max: int | None = None
    tokens_max: int | None = None
    suggested_prompts: list[str] = Field(default_factory=list, sa_type=JsonColumn)
    is_public: bool = False
    archived_at: datetime | None = Field(default=None, sa_type=UtcColumn)
    updated_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)

    @override
    @classmethod
    def shared_with(cls, actor: Actor) -> ColumnElement[bool]:
        return or_(
            col(cls.is_public).is_(True), is_shared(actor, AgentShareRow, col(cls.id))
        )


class AgentCollectionRow(OwnedRow, table=True):
    """A collection that an agent searches; it belongs to the agent's owner."""

    __table_args__ = (UniqueConstraint("agent_id", "collection_id"),)

    agent_id: UUID = Field(foreign_key="agent.id", index=True, ondelete="CASCADE")
    collection_id: UUID = Field(
        foreign_key="collection.id", index=True, ondelete="CASCADE"
    )
