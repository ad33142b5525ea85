"""What runs show and take."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.backend.core.paging import Listed
from app.backend.core.run_events import Level, RunEvent, RunOutput, RunStatus
from app.backend.core.texts import Text


class RunDraft(BaseModel):
    """A run to be started; `input` has at least a `query`.

    With the same `request_id` twice, the second time gives the run of the first.
    """

    model_config = ConfigDict(frozen=True)

    input: dict[str, Any]
    thread_id: UUID | None = None
    trigger: Text = "user"
    request_id: UUID | None = None
    origin_id: UUID | None = None


class RunView(Listed):
    """A run as everyone sees it."""

    agent_id: UUID | None
    agent_name: str
    thread_id: UUID | None
    status: RunStatus
    trigger: str
    correlation_id: UUID
    input: dict[str, Any]
    output: RunOutput | None
    error: str
    error_code: str = ""
    origin_id: UUID | None = None
    model: str
    tokens_in: int
    tokens_out: int
    attempt: int
    last_seq: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


class EventFilter(BaseModel):
    """Which events of a run to read: after or before a seq, of some types, from a level on, containing a text.

    With `is_regex` the text is a pattern, which is looked for in each line of the event's texts and in its JSON.
    """

    model_config = ConfigDict(frozen=True)

    after: int | None = Field(default=None, ge=0)
    before: int | None = Field(default=None, ge=1)
    limit: int = Field(default=200, ge=1, le=1000)
    types: list[Text] = Field(default_factory=list[str])
    level: Level | None = None
    text: Text = ""
    is_regex: bool = False
    is_case: bool = False


class EventPage(BaseModel):
    """A stretch of a run's log in rising order; `has_more` tells of further ones in the direction of reading."""

    model_config = ConfigDict(frozen=True)

    items: list[RunEvent]
    has_more: bool
    next_seq: int | None = Field(
        default=None,
        description="The `after` or `before` of the next page. A search in a long log may end before its page is full.",
    )


class RunCounts(BaseModel):
    """How many runs are in each status."""

    model_config = ConfigDict(frozen=True)

    by_status: dict[RunStatus, int]
    active: int
    today: dict[RunStatus, int]
