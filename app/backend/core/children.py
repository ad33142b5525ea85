"""What a run that starts another one says of it, and learns of its end."""

from dataclasses import dataclass
from uuid import UUID

from app.backend.core.run_events import RunStatus


@dataclass(frozen=True)
class ChildCall:
    """A run to be started; `key` is the same for each attempt at the call, so that it is started once.

    `agent_owner_id` is who owns the agent, if not who runs it.
    """

    key: str
    tool_call_id: str
    agent_id: UUID
    agent_name: str
    model: str
    question: str
    agent_owner_id: UUID | None = None


@dataclass(frozen=True)
class ChildEnd:
    """How a run ended that another one started; `error` says why, if it has no answer, and `caveat` what that may miss.

    `is_own` says that the run which asks started it, and not the one that it goes on from.
    """

    run_id: UUID
    key: str
    agent_name: str
    status: RunStatus
    answer: str = ""
    caveat: str = ""
    error: str = ""
    is_own: bool = True


class NeedsChild(Exception):
    """The run cannot go on before another one, which it starts, has ended; whoever runs the graph lets it wait."""

    def __init__(self, call: ChildCall) -> None:
        super().__init__(call.agent_name)
        self.call = call
