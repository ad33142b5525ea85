"""What middlewares show and take."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.backend.core.paging import Listed
from app.backend.core.texts import StorableDict, Text

PRIORITY_MIN, PRIORITY_MAX = 1, 100
Priority = Annotated[int, Field(ge=PRIORITY_MIN, le=PRIORITY_MAX)]


class MiddlewareChange(BaseModel):
    """What can be changed of a middleware; without a priority it stands where its type usually does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    priority: Priority | None = None
    config: StorableDict = Field(default_factory=dict[str, Any])
    is_active: bool = True
    is_critical: bool = Field(
        default=False,
        description="When it cannot be started, its model is not asked; else it is left out, with a warning.",
    )


class OwnMiddlewareDraft(MiddlewareChange):
    """A middleware to be put before a model that is named elsewhere."""

    type: Text = Field(min_length=1, max_length=40)


class MiddlewareDraft(OwnMiddlewareDraft):
    """A middleware to be put before a model, `provider/model`."""

    model: Text = Field(min_length=1, max_length=250)


class MiddlewareView(Listed):
    """A middleware of a model; `trouble` says why it cannot be started."""

    model: str
    model_id: UUID | None
    type: str
    type_label: str
    priority: int
    config: dict[str, Any]
    is_active: bool
    is_critical: bool
    trouble: str
    may_change: bool
    created_at: datetime
    updated_at: datetime


class MiddlewareTypeView(BaseModel):
    """A type of middleware; it is drawn as a form from its schema."""

    model_config = ConfigDict(frozen=True)

    key: str
    label: str
    about: str
    priority: int
    is_custom: bool
    config_schema: dict[str, Any]


class Entry(BaseModel):
    """A middleware as the chains of all processes know it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: UUID
    type: str
    priority: int
    config: dict[str, Any]
    is_critical: bool
