"""An agent as a run needs it: everything that is read once, before the run begins."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr

from app.backend.agents.schemas import AgentKind, Execution


class AgentSpec(BaseModel):
    """A snapshot of an agent; later changes of its row do not touch the run.

    `collections_lost` are those that it should search and its owner may not see any more.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: UUID
    name: str
    kind: AgentKind
    instructions: str
    model: str
    fallbacks: tuple[str, ...] = ()
    temperature: float
    max_tokens: int
    passages: int
    collection_ids: tuple[UUID, ...] = ()
    collections_lost: int = 0
    tools: tuple[str, ...] = ()
    steps_max: int | None = None
    seconds_max: int | None = None
    tokens_max: int | None = None
    execution: Execution = Execution.WORKER
    remote_url: str = ""
    remote_agent_id: str = ""
    remote_key: SecretStr | None = None
    remote_secret: str = ""
