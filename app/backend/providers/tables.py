"""Rows of providers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import Field, UniqueConstraint, col, or_
from typing_extensions import override

from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.rows import JsonColumn, OwnedRow, UtcColumn
from app.backend.identity.sharing_repository import is_shared
from app.backend.identity.tables import ShareRow
from app.backend.secrets.references import ReferenceColumn


class ProviderShareRow(ShareRow, table=True):
    """Who may use a provider of somebody else."""

    __table_args__ = (
        UniqueConstraint("user_id", "object_id"),
        UniqueConstraint("group_id", "object_id"),
    )

    object_id: UUID = Field(foreign_key="provider.id", index=True, ondelete="CASCADE")


class ProviderRow(OwnedRow, table=True):
    """A service of models that somebody has connected; the key is only named here, never kept.

    One that `is_shared` is of the installation, for everybody.
    `version` counts its changes, so that no process goes on with clients of an older one. `trouble` is why its
    service last turned us away for good, such as a key that it does not accept.
    """

    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    name: str = Field(max_length=40)
    label: str = Field(default="", max_length=100)
    type: str = Field(max_length=40)
    settings: dict[str, Any] = Field(default_factory=dict, sa_type=JsonColumn)
    secret_ref: str = Field(default="", sa_type=ReferenceColumn)
    is_shared: bool = Field(default=False, index=True)
    is_enabled: bool = True
    version: int = 1
    trouble: str = ""
    trouble_at: datetime | None = Field(default=None, sa_type=UtcColumn)
    updated_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)

    @override
    @classmethod
    def shared_with(cls, actor: Actor) -> ColumnElement[bool]:
        is_everybodys = col(cls.is_shared).is_(True)
        return or_(is_everybodys, is_shared(actor, ProviderShareRow, col(cls.id)))
