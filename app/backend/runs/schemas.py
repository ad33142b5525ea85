"""What runs show and take."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from app.backend.core.paging import Listed
from app.backend.core.questions import Question
from app.backend.core.run_events import Level, RunOutput, RunStatus
from app.backend.core.stored_events import RunEvent
from app.backend.core.texts import STORABLE, Text
from app.backend.usage.schemas import RunCost

TAGS_MAX = 10
# No run is older or newer; a day more or less, or another time zone, is still a time.
_FIRST_MOMENT = datetime(1970, 1, 2, tzinfo=UTC)
_LAST_MOMENT = datetime.max.replace(tzinfo=UTC) - timedelta(days=2)
# More than so many are never counted: nobody reads the exact number, and counting a million rows takes long.
COUNTED_MAX = 1000


def _plain_tags(tags: list[str]) -> list[str]:
    """Return tags as they are kept: small letters, each once, in order."""
    return list(dict.fromkeys(" ".join(tag.casefold().split()) for tag in tags))


def _within_time(moment: datetime) -> datetime:
    return min(max(moment, _FIRST_MOMENT), _LAST_MOMENT)


Tag = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[^,]+$"
    ),
    STORABLE,
]
Tags = Annotated[list[Tag], Field(max_length=TAGS_MAX), AfterValidator(_plain_tags)]
WantedTags = Annotated[list[Text], AfterValidator(_plain_tags)]
Moment = Annotated[AwareDatetime, AfterValidator(_within_time)]


class RunTags(BaseModel):
    """All tags of a run, small letters and each once."""

    model_config = ConfigDict(frozen=True)

    tags: Tags


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
    origin_step: int | None = None
    instructions: Text | None = None
    tags: Tags = Field(default_factory=list[str])


class RunFilter(BaseModel):
    """Which runs to list. `text` is words of the question or the error, or how they begin; a run has all of them.

    `since` is the first moment, `until` the first one after; `tags` are all on a run; `is_dead` keeps those that lost
    as many workers as a run may; `waits_for_run` keeps those that wait for a run of theirs, or leaves them out.
    """

    model_config = ConfigDict(frozen=True)

    agent_id: UUID | None = None
    statuses: list[RunStatus] = Field(default_factory=list[RunStatus])
    trigger: Text = ""
    since: Moment | None = None
    until: Moment | None = None
    text: Text = ""
    tags: WantedTags = Field(default_factory=list[str])
    is_dead: bool = False
    waits_for_run: bool | None = None


class RunView(Listed):
    """A run as everyone sees it."""

    agent_id: UUID | None
    agent_name: str
    agent_owner_id: UUID | None = Field(
        default=None,
        description="Who owned the agent when the run began, unless it is the run's owner.",
    )
    thread_id: UUID | None
    status: RunStatus
    trigger: str
    correlation_id: UUID
    created_by_user_id: UUID | None = None
    checkpoint_ns: str = Field(
        default="",
        description="Where the state of the run lies; only where one run is shown.",
    )
    checkpoint_id: str = Field(
        default="", description="Its newest state that counts; likewise."
    )
    tags: list[str] = Field(default_factory=list[str])
    input: dict[str, Any]
    output: RunOutput | None
    error: str
    error_code: str = ""
    question: Question | None = None
    origin_id: UUID | None = None
    origin_step: int | None = None
    parent_id: UUID | None = Field(
        default=None, description="The run that started this one."
    )
    root_id: UUID | None = Field(
        default=None,
        description="The first run of its tree: itself, unless another run started it.",
    )
    depth: int = Field(default=0, description="How many runs are above it.")
    waits_for_id: UUID | None = Field(
        default=None,
        description="The run that it started and that it waits for; one that is `waiting` without it waits for a person.",
    )
    model: str
    tokens_in: int
    tokens_out: int
    cost: RunCost | None = Field(
        default=None,
        description="What its calls of models cost; None where it made none, or it is not asked for.",
    )
    attempt: int
    last_seq: int
    is_held: bool = Field(
        default=False,
        description="It waits for the run before it in its conversation.",
    )
    is_taken_back: bool = Field(
        default=False,
        description="A later question took its place: it is no longer part of its conversation.",
    )
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


class BulkAction(StrEnum):
    """What can be done to many runs at once."""

    STOP = "stop"
    RETRY = "retry"
    REQUEUE = "requeue"
    DELETE = "delete"


class RunOutcome(BaseModel):
    """What became of one run of many; `message` says why nothing was done, `new_run_id` is the run that it began."""

    model_config = ConfigDict(frozen=True)

    run_id: UUID
    is_done: bool
    message: str = ""
    new_run_id: UUID | None = None


class EventFilter(BaseModel):
    """Which events of a run to read: after or before a seq, of some types, from a level on, between two moments, containing a text.

    With `is_regex` the text is a pattern, which is looked for in each line of the event's texts and in its JSON.
    """

    model_config = ConfigDict(frozen=True)

    after: int | None = Field(default=None, ge=0)
    before: int | None = Field(default=None, ge=1)
    limit: int = Field(default=200, ge=1, le=1000)
    types: list[Text] = Field(default_factory=list[str])
    level: Level | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
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


class EventStretch(BaseModel):
    """How many lines of one level a stretch of a log has, and when it was written."""

    model_config = ConfigDict(frozen=True)

    since: datetime
    until: datetime
    level: Level
    count: int


class EventCounts(BaseModel):
    """What a log has: events of each type, and lines by time."""

    model_config = ConfigDict(frozen=True)

    by_type: dict[str, int]
    strip: list[EventStretch]
