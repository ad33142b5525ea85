"""Rows of models."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field, UniqueConstraint

from app.backend.core import clock
from app.backend.core.rows import JsonColumn, OwnedRow, UtcColumn


class ModelRow(OwnedRow, table=True):
    """A model of a provider, and what is known of it; prices are in dollars a million tokens.

    It belongs to the owner of its provider, and is shared with it.
    """

    __table_args__ = (UniqueConstraint("provider_id", "name"),)

    provider_id: UUID = Field(foreign_key="provider.id", index=True, ondelete="CASCADE")
    name: str = Field(max_length=200)
    kind: str = Field(max_length=20)
    environment: str = Field(max_length=10)
    capabilities: dict[str, Any] = Field(default_factory=dict, sa_type=JsonColumn)
    parameters: dict[str, Any] = Field(default_factory=dict, sa_type=JsonColumn)
    price_in: float | None = None
    price_out: float | None = None
    price_cached: float | None = None
    fallbacks: list[str] = Field(default_factory=list, sa_type=JsonColumn)
    is_default: bool = False
    is_cheap: bool = False
    is_enabled: bool = True
    updated_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)
