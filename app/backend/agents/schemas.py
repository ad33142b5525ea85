"""What agents show and take."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.backend.core.paging import Listed
from app.backend.core.run_events import RunStatus
from app.backend.core.texts import Name, Text
from app.backend.identity.sharing_schemas import Level
from app.backend.models.fallbacks import Fallbacks


class AgentKind(StrEnum):
    """How an agent works: `answer` retrieves and generates, `quotes` only shows passages, `tools` decides what to do."""

    ANSWER = "answer"
    QUOTES = "quotes"
    TOOLS = "tools"


class Execution(StrEnum):
    """Where an agent runs: in our worker, or all of it at another runtime's /execute."""

    WORKER = "worker"
    REMOTE = "remote"


class Concurrency(StrEnum):
    """What a new run does when its conversation has one that has not ended: wait, give way, or end the other."""

    ENQUEUE = "enqueue"
    REJECT = "reject"
    INTERRUPT = "interrupt"
    ROLLBACK = "rollback"


class AgentDraft(BaseModel):
    """An agent to be made or changed."""

    model_config = ConfigDict(frozen=True)

    name: Name
    description: Text = Field(default="", max_length=500)
    kind: AgentKind = AgentKind.ANSWER
    instructions: Text = Field(default="", max_length=20_000)
    model: Text = ""
    fallbacks: Fallbacks = Field(default_factory=list[str])
    temperature: float = Field(default=0.0, ge=0, le=2)
    max_tokens: int = Field(default=200, ge=1, le=100_000)
    passages: int = Field(default=4, ge=1, le=20)
    collection_ids: list[UUID] = Field(default_factory=list[UUID])
    tools: list[Text] = Field(default_factory=list[str], max_length=50)
    execution: Execution = Execution.WORKER
    remote_url: Text = Field(default="", max_length=500)
    remote_agent_id: Text = Field(default="", max_length=100)
    remote_key: Text | None = Field(
        default=None,
        max_length=1000,
        description="The key of the other installation, or a reference to a secret, such as db:name; None keeps what is stored.",
    )
    suggested_prompts: list[Text] = Field(default_factory=list[str], max_length=10)
    concurrency: Concurrency = Concurrency.ENQUEUE
    steps_max: int | None = Field(
        default=None, ge=1, le=100_000, description="None: the installation's limit."
    )
    seconds_max: int | None = Field(
        default=None, ge=1, le=1_000_000, description="None: the installation's limit."
    )
    tokens_max: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000_000,
        description="None: the installation's limit.",
    )


class RunnableAgent(BaseModel):
    """What the start of a run has to know of its agent."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: UUID
    owner_id: UUID
    name: str
    model: str
    concurrency: Concurrency
    archived_at: datetime | None


class AgentView(Listed):
    """An agent; its remote key is never shown."""

    owner_id: UUID
    owner_name: str = Field(default="", description="Whose it is, unless the asker's.")
    access: Level = Field(default=Level.OWN, description="What the asker may do.")
    is_public: bool = Field(
        default=False, description="Everybody who is signed in may run it."
    )
    name: str
    description: str
    kind: AgentKind
    instructions: str
    model: str
    fallbacks: list[str]
    temperature: float
    max_tokens: int
    passages: int
    collection_ids: list[UUID] = Field(
        description="Those of its collections that the asker may see."
    )
    collections_hidden: int = Field(
        default=0, description="How many more it searches for whoever may run it."
    )
    tools: list[str] = []
    execution: Execution
    remote_url: str
    remote_agent_id: str
    has_remote_key: bool
    suggested_prompts: list[str]
    concurrency: Concurrency
    steps_max: int | None
    seconds_max: int | None
    tokens_max: int | None
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    last_run_status: RunStatus | None = None
    last_run_at: datetime | None = None
    last_run_waits_for_id: UUID | None = Field(
        default=None, description="The run that its newest run waits for."
    )
    last_run_error_code: str = Field(
        default="", description="Why its newest run failed, or which limit ended it."
    )
