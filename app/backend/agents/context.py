"""What an agent's graph works with: the parts it calls, and the state it carries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol, TypedDict

from app.backend.agents.growing import growing
from app.backend.agents.prompts import Turn
from app.backend.agents.spec import AgentSpec
from app.backend.knowledge.parts import SearchParts
from app.backend.models.catalog import ModelCatalog
from app.backend.tools.registry import ToolRegistry


class AgentParts(SearchParts, Protocol):
    """What a graph calls; a process's Services has it all."""

    @property
    def models(self) -> ModelCatalog:
        """Chat models by name."""
        ...

    @property
    def tools(self) -> ToolRegistry:
        """Tools by name."""
        ...


@dataclass(frozen=True)
class Task:
    """What an agent is asked: the question, the rest of the input, the conversation so far, and for whom."""

    spec: AgentSpec
    query: str
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    history: Sequence[Turn] = ()
    user_name: str = ""


# Where the graph goes after the search.
Next = Literal["refuse", "quote", "generate"]


class AgentState(TypedDict, total=False):
    """What the graph's checkpoints hold: plain values only, so that any version can read them."""

    query: str
    passages: list[dict[str, Any]]
    next: Next
    caveat: str
    answer: str
    output: dict[str, Any]


class ToolState(TypedDict, total=False):
    """The same for agents with tools: `pending` are the ids of what is still to be called.

    `messages`, what model and tools have said, `found`, and `notes` for whoever reads the answer only grow. Runs that
    began before the first two did have the first part of them in `said` and `passages`, and whole calls in `pending`.
    """

    query: str
    said: list[dict[str, Any]]
    messages: Annotated[list[dict[str, Any]], growing()]
    pending: list[str | dict[str, Any]]
    step: int
    passages: list[dict[str, Any]]
    found: Annotated[list[dict[str, Any]], growing()]
    notes: Annotated[list[str], growing()]
    answer: str
    output: dict[str, Any]
