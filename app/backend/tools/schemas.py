"""What tools and notes show."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.backend.core.effects import Effect
from app.backend.core.paging import Listed


class ToolView(BaseModel):
    """A tool that an agent can be given; `schema` is that of its arguments."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    name: str
    title: str
    about: str
    effect: Effect
    arguments: dict[str, Any] = Field(alias="schema")


class NoteView(Listed):
    """A note that agents of one person share."""

    name: str
    text: str
    created_at: datetime
    updated_at: datetime
