"""What a graph node or tool gets from the run it works for."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from app.backend.core.actor import Actor
from app.backend.core.run_events import Event


class Emit(Protocol):
    """Adds an event to the run's log; never waits."""

    def __call__(self, event: Event) -> None:
        """Add `event`."""
        ...


class IsCancelled(Protocol):
    """Tells whether someone asked the run to stop."""

    def __call__(self) -> bool:
        """Return whether to stop now."""
        ...


@dataclass(frozen=True)
class RunContext:
    """The run that a node works for: whose it is, and how to speak to its log."""

    actor: Actor
    run_id: UUID
    agent_id: UUID
    thread_id: UUID | None
    emit: Emit
    is_cancelled: IsCancelled
