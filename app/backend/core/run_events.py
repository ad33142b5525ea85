"""The closed union of what can happen in a run; UI, API, channels and tests all read it."""

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from app.backend.core.counts import Milliseconds, Tokens
from app.backend.core.questions import Answer, Question


class RunStatus(StrEnum):
    """The only words for the state of a run, everywhere."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    TIMED_OUT = "timed_out"

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended."""
        return self in TERMINAL


TERMINAL = frozenset(
    {RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.STOPPED, RunStatus.TIMED_OUT}
)


# The finish reason of a message that broke off in the middle.
CUT = "cut"


class Stage(StrEnum):
    """Stages that a run announces, in order."""

    STARTED = "started"
    INITIALIZING = "initializing"
    RETRIEVING = "retrieving"
    GENERATING = "generating"
    COMPLETED = "completed"


class Level(StrEnum):
    """How much a reader of the log should care."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Passage(BaseModel):
    """A piece of a document that a search found; `score` is the cosine similarity to the query, -1 to 1."""

    model_config = ConfigDict(frozen=True)

    n: int
    chunk_id: UUID
    document_id: UUID
    document_name: str
    page: int | None = None
    text: str
    score: float


class Citation(BaseModel):
    """A passage that supports a sentence of an answer; `n` is the number shown in brackets."""

    model_config = ConfigDict(frozen=True)

    n: int
    chunk_id: UUID
    document_id: UUID
    document_name: str
    page: int | None = None
    text: str
    score: float


class Sentence(BaseModel):
    """A sentence of an answer and the numbers of its citations; none means: not supported."""

    model_config = ConfigDict(frozen=True)

    text: str
    citations: list[int] = Field(default_factory=list[int])


class RunOutput(BaseModel):
    """What a run gives back."""

    model_config = ConfigDict(frozen=True)

    answer: str
    citations: list[Citation] = Field(default_factory=list[Citation])
    sentences: list[Sentence] = Field(default_factory=list[Sentence])
    nearest: list[Passage] = Field(default_factory=list[Passage])
    is_answered: bool = True
    caveat: str = Field(
        default="", description="What the reader should know before they trust it."
    )


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True)


class RunQueued(_Event):
    """The run was asked for; `trigger` is user, api, channel, schedule, or run."""

    type: Literal["run_queued"] = "run_queued"
    trigger: str
    input: dict[str, Any]


class QueuePosition(_Event):
    """The run waits for a shared part; `position` counts those before it."""

    type: Literal["queue_position"] = "queue_position"
    part: str
    position: int


class RunStarted(_Event):
    """The first attempt began."""

    type: Literal["run_started"] = "run_started"
    agent_name: str
    model: str
    worker: str


class AttemptStarted(_Event):
    """A later attempt began after a crash."""

    type: Literal["attempt_started"] = "attempt_started"
    attempt: int
    attempts_max: int
    reason: str


class StageChanged(_Event):
    """The run entered a stage; `message` says what it does there."""

    type: Literal["stage_changed"] = "stage_changed"
    stage: Stage
    message: str


class MiddlewareActed(_Event):
    """What stands before a model did something, before the model was asked or after it; `milliseconds` is what that took."""

    type: Literal["middleware_acted"] = "middleware_acted"
    name: str
    message: str
    milliseconds: float
    phase: Literal["before", "after"] = "before"
    level: Level = Level.INFO


class Step(_Event):
    """The agent did something worth a line."""

    type: Literal["step"] = "step"
    content: str


class PromptMessage(BaseModel):
    """A message that a model was sent; `n` is its place in the prompt, counted from 1."""

    model_config = ConfigDict(frozen=True)

    n: int
    role: str
    text: str


class ModelCall(BaseModel):
    """What a model was asked: those of its `size` messages that the calls before it in the attempt did not have.

    `tokens_in` are those of the whole question, as estimated; with the `price` they say what a call took whose worker
    could not tell any more.
    """

    model_config = ConfigDict(frozen=True)

    messages: list[PromptMessage]
    size: int
    tools: list[str] = Field(default_factory=list[str])
    temperature: float
    max_tokens: int
    tokens_in: Tokens = 0
    price: str = ""
    window: Tokens | None = None


class MessageStarted(_Event):
    """A message begins; one of a model says what it was asked."""

    type: Literal["message_started"] = "message_started"
    message_id: UUID
    role: str
    model: str = ""
    call: ModelCall | None = None


class MessageDelta(_Event):
    """One flush of text of a message: one or more tokens."""

    type: Literal["message_delta"] = "message_delta"
    message_id: UUID
    text: str
    tokens: Tokens = 1


class MessageCompleted(_Event):
    """The whole message, and the tools that its model asks for.

    One that broke off ends as `cut`: what was said of it does not count, and another message says it anew.
    """

    type: Literal["message_completed"] = "message_completed"
    message_id: UUID
    role: str
    text: str
    finish_reason: str = "stop"
    tools_called: list[str] = Field(default_factory=list[str])


class ReasoningDelta(_Event):
    """One flush of a model's reasoning."""

    type: Literal["reasoning_delta"] = "reasoning_delta"
    message_id: UUID
    text: str


class ToolCalled(_Event):
    """A tool was called; an attempt that repeats a step says so again, with the same id."""

    type: Literal["tool_called"] = "tool_called"
    tool_call_id: str
    name: str
    args: dict[str, Any]


class ToolReturned(_Event):
    """A tool call ended; `source` says whether it was carried out now, or what was recorded or told is used."""

    type: Literal["tool_returned"] = "tool_returned"
    tool_call_id: str
    name: str
    result: Any
    is_error: bool = False
    milliseconds: float = 0
    source: Literal["executed", "recorded", "person"] = "executed"


class Retrieved(_Event):
    """A search over the agent's knowledge ended."""

    type: Literal["retrieved"] = "retrieved"
    query: str
    passages: list[Passage]
    milliseconds: float


class Log(_Event):
    """A line for the reader of the log."""

    type: Literal["log"] = "log"
    level: Level = Level.INFO
    message: str


class RetryScheduled(_Event):
    """Something failed for a moment and is tried again: `attempt` of `attempts_max` begins in `seconds`."""

    type: Literal["retry_scheduled"] = "retry_scheduled"
    what: str
    attempt: int
    attempts_max: int
    seconds: float
    reason: str


class FallbackAsked(_Event):
    """A model did not answer, so the next one of its chain is asked: `number` of `numbers_max` fallbacks."""

    type: Literal["fallback_asked"] = "fallback_asked"
    model: str
    instead_of: str
    number: int
    numbers_max: int
    reason: str


class UsageRecorded(_Event):
    """What a call of a model took, whichever way it ended; times in milliseconds.

    `call_id` is the id of the message that came of it. `tokens_cached` are those of `tokens_in` that its provider knew, `tokens_reasoning` those of `tokens_out` that
    nobody reads; `window` is the model's context window. `price` says what the cost was reckoned with; it is in
    millionths of a dollar, None where no price is known. A call that was `cut` was stopped, or went beyond a limit.
    """

    type: Literal["usage_recorded"] = "usage_recorded"
    call_id: UUID | None = None
    model: str
    tokens_in: Tokens
    tokens_out: Tokens
    tokens_cached: Tokens = 0
    tokens_reasoning: Tokens = 0
    window: Tokens | None = None
    first_token_milliseconds: Milliseconds
    milliseconds: Milliseconds
    price: str = ""
    cost_micros: Annotated[int, Field(ge=0)] | None = None
    is_estimated: bool = False
    outcome: Literal["completed", "failed", "cut"] = "completed"


class BudgetNoticed(_Event):
    """A budget is nearly used up, by so many `percent`; the first run that finds it so says it, once in its period."""

    type: Literal["budget_noticed"] = "budget_noticed"
    budget_id: UUID
    percent: int
    message: str


class RunWaiting(_Event):
    """The run waits for a person; `details` say what may be answered."""

    type: Literal["run_waiting"] = "run_waiting"
    question: str
    details: Question | None = None


class RunResumed(_Event):
    """A person answered; `label` is the choice in words."""

    type: Literal["run_resumed"] = "run_resumed"
    answer: Answer | None = None
    label: str = ""


class ChildStarted(_Event):
    """The run started another one, by a call of a tool, and waits for its end."""

    type: Literal["child_started"] = "child_started"
    run_id: UUID
    agent_name: str
    tool_call_id: str
    question: str


class ChildCompleted(_Event):
    """The run that this one waited for has ended, whichever way; `milliseconds` count from its being asked for."""

    type: Literal["child_completed"] = "child_completed"
    run_id: UUID
    agent_name: str
    status: RunStatus
    tokens_in: int = 0
    tokens_out: int = 0
    milliseconds: float = 0


class RunCompleted(_Event):
    """The run ended well."""

    type: Literal["run_completed"] = "run_completed"
    output: RunOutput
    milliseconds: float


class RunFailed(_Event):
    """The run ended with an error; `error` says what happened and what to do."""

    type: Literal["run_failed"] = "run_failed"
    code: str
    error: str


class RunStopped(_Event):
    """A person stopped the run; `text` is what was generated so far."""

    type: Literal["run_stopped"] = "run_stopped"
    text: str = ""


class RunTimedOut(_Event):
    """The run reached a limit."""

    type: Literal["run_timed_out"] = "run_timed_out"
    reason: str
    code: str = Field(
        default="", description="OVER_BUDGET, OUT_OF_TIME, or RUN_LIMIT for others."
    )


Event = Annotated[
    RunQueued
    | QueuePosition
    | RunStarted
    | AttemptStarted
    | StageChanged
    | MiddlewareActed
    | Step
    | MessageStarted
    | MessageDelta
    | MessageCompleted
    | ReasoningDelta
    | ToolCalled
    | ToolReturned
    | Retrieved
    | Log
    | RetryScheduled
    | FallbackAsked
    | UsageRecorded
    | BudgetNoticed
    | RunWaiting
    | RunResumed
    | ChildStarted
    | ChildCompleted
    | RunCompleted
    | RunFailed
    | RunStopped
    | RunTimedOut,
    Field(discriminator="type"),
]
TerminalEvent = RunCompleted | RunFailed | RunStopped | RunTimedOut
EVENT: TypeAdapter[Event] = TypeAdapter(Event)

STATUS_OF_END: dict[str, RunStatus] = {
    "run_completed": RunStatus.COMPLETED,
    "run_failed": RunStatus.FAILED,
    "run_stopped": RunStatus.STOPPED,
    "run_timed_out": RunStatus.TIMED_OUT,
}
_LEVELS = {
    "message_delta": Level.DEBUG,
    "reasoning_delta": Level.DEBUG,
    "run_waiting": Level.WARNING,
    "run_stopped": Level.WARNING,
    "attempt_started": Level.WARNING,
    "retry_scheduled": Level.WARNING,
    "fallback_asked": Level.WARNING,
    "budget_noticed": Level.WARNING,
    "run_failed": Level.ERROR,
    "run_timed_out": Level.ERROR,
}


def level_of(event: Event) -> Level:
    """Return how much a reader should care about `event`."""
    if isinstance(event, Log | MiddlewareActed):
        return event.level
    if isinstance(event, ToolReturned) and event.is_error:
        return Level.ERROR
    if isinstance(event, ChildCompleted) and event.status != RunStatus.COMPLETED:
        return Level.WARNING
    return _LEVELS.get(event.type, Level.INFO)
