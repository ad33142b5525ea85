"""What tools and notes show."""

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.backend.core.effects import Effect
from app.backend.core.paging import Listed
from app.backend.core.texts import Text

NOTE_LENGTH_MAX = 100_000


class ToolView(BaseModel):
    """A tool that an agent can be given; `schema` is that of its arguments."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    name: str
    title: str
    about: str
    effect: Effect
    arguments: dict[str, Any] = Field(alias="schema")


class NoteDraft(BaseModel):
    """What a note says from now on."""

    model_config = ConfigDict(frozen=True)

    text: Text = Field(max_length=NOTE_LENGTH_MAX)
    updated_at: AwareDatetime | None = Field(
        default=None,
        description="That of the note as it was read; when it has changed since, nothing is written.",
    )


class NoteView(Listed):
    """A note that agents of one person share."""

    name: str
    text: str
    created_at: datetime
    updated_at: datetime
