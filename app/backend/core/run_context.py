"""What a graph node or tool gets from the run it works for."""

from collections.abc import Callable
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
class SavedStep:
    """Where the state of a run lies: a checkpoint of the saver's, after step number `step` (0 is the input)."""

    saver_thread: str
    checkpoint_id: str
    step: int


def forget_step(_step: SavedStep) -> None:
    """Note nothing: for runs that nobody resumes."""


@dataclass(frozen=True)
class RunContext:
    """The run that a node works for: whose it is, and how to speak to its log.

    `saver_thread` is where this attempt keeps its checkpoints; each is told to `note_step`. An attempt that goes on
    where another stopped begins at `resume_from`.
    """

    actor: Actor
    run_id: UUID
    agent_id: UUID
    thread_id: UUID | None
    emit: Emit
    is_cancelled: IsCancelled
    saver_thread: str
    note_step: Callable[[SavedStep], None] = forget_step
    resume_from: SavedStep | None = None
