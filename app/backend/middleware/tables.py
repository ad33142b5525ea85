"""Rows of middlewares."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field

from app.backend.core import clock
from app.backend.core.rows import JsonColumn, Row, UtcColumn


class ModelMiddlewareRow(Row, table=True):
    """A middleware of one model; it belongs to whom the model belongs, and goes with it.

    `model_name` is what agents call the model. A model of the settings has no row, so no `model_id`, and belongs to the
    installation.
    """

    model_id: UUID | None = Field(
        default=None, foreign_key="model.id", index=True, ondelete="CASCADE"
    )
    model_name: str = Field(max_length=250, index=True)
    type: str = Field(max_length=40)
    priority: int
    config: dict[str, Any] = Field(default_factory=dict, sa_type=JsonColumn)
    is_active: bool = True
    is_critical: bool = False
    updated_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)
