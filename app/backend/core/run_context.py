"""What a graph node or tool gets from the run it works for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from app.backend.core.actor import Actor
from app.backend.core.children import ChildCall, ChildEnd, NeedsChild
from app.backend.core.effects import Effects
from app.backend.core.fault_points import FaultPoint, pass_by
from app.backend.core.questions import Answer, NeedsPerson, Question
from app.backend.core.run_events import Event
from app.backend.core.spending import NoSpending, Spending


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
    """Where the state of a run lies: a checkpoint of the saver's, after step number `step` (0 is the input).

    `node` is what has just worked, `next_node` what comes next; several at once are joined by a comma.
    """

    saver_thread: str
    checkpoint_id: str
    step: int
    node: str = ""
    next_node: str = ""


class Budget(Protocol):
    """Counts what a run uses."""

    def begin_step(self, number: int) -> None:
        """Allow step `number`, counted from 1, or raise LimitReached."""
        ...


class NoBudget:
    """Allows everything: for runs that somebody else counts."""

    def begin_step(self, number: int) -> None:
        """Allow the step."""


def forget_step(_step: SavedStep) -> None:
    """Note nothing: for runs that nobody resumes."""


@dataclass(frozen=True)
class RunContext:
    """The run that a node works for: whose it is, and how to speak to its log.

    `saver_thread` is where this attempt keeps its checkpoints; each is told to `note_step`. An attempt that goes on
    where another stopped begins at `resume_from`; a fork does so with `changes` of the state, if only none.
    A node asks `budget` before each turn of the model, and `spending` before each call of one. A
    person is asked when the same call of a tool comes `repeats_max` times; 0 is never. Without `effects` nothing remembers what was done, and tools
    that do something are refused. `answers` are those that a person gave this run, by the id of the question;
    `children` are the runs that it started and that have ended, by the key of the call. `other_owner` is who owns the
    agent, if not the actor.
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
    changes: Mapping[str, Any] | None = None
    budget: Budget = field(default_factory=NoBudget)
    spending: Spending = field(default_factory=NoSpending)
    repeats_max: int = 0
    effects: Effects | None = None
    answers: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    children: Mapping[str, ChildEnd] = field(default_factory=dict[str, ChildEnd])
    pass_point: Callable[[FaultPoint], None] = pass_by
    other_owner: Actor | None = None

    @property
    def agent_owner(self) -> Actor:
        """In whose name the agent's documents are searched and its key is used, whoever runs it."""
        return self.other_owner or self.actor

    def ask(self, question: Question) -> Answer:
        """Return a person's answer.

        The node that asks is run once more from its top when the answer is there, and then gets it here.

        Raises:
            NeedsPerson: nobody has answered yet.
        """
        answer = self.answers.get(question.id)
        if answer is None:
            raise NeedsPerson(question)
        return answer

    def start_child(self, call: ChildCall) -> ChildEnd:
        """Return how the run ended that `call` starts.

        The node that starts it is run once more from its top when it has ended, and then gets it here.

        Raises:
            NeedsChild: it has not ended, or not begun yet.
        """
        end = self.children.get(call.key)
        if end is None:
            raise NeedsChild(call)
        return end
