"""How far a run may go: steps, seconds and tokens, each as its agent says, and never beyond what the installation allows."""

from dataclasses import dataclass

from app.backend.agents.spec import AgentSpec
from app.backend.core.run_context import Emit
from app.backend.core.run_events import Event, MessageDelta, UsageRecorded
from app.backend.core.settings import Settings
from app.backend.core.spending import LimitReached


@dataclass(frozen=True)
class Limit:
    """The most of something, and where a person can raise it."""

    most: int
    unit: str
    where: str

    def reason(self) -> str:
        """Say that it is reached, and what to do."""
        unit = self.unit if self.most > 1 else self.unit.removesuffix("s")
        return f"The run reached its limit of {self.most:,} {unit}. Ask for less, or raise {self.where}."


@dataclass(frozen=True)
class Limits:
    """The limits of one run."""

    steps: Limit
    seconds: Limit
    tokens: Limit

    @classmethod
    def of(cls, spec: AgentSpec, settings: Settings) -> "Limits":
        """Return the limits of an agent's run."""
        return cls(
            steps=_limit("steps", spec.steps_max, settings.run_steps_max),
            seconds=_limit("seconds", spec.seconds_max, settings.run_seconds_max),
            tokens=_limit("tokens", spec.tokens_max, settings.run_tokens_max),
        )


class RunBudget:
    """What a run has used of its limits; tokens count as they come, in the middle of an answer too."""

    def __init__(self, limits: Limits, *, tokens: int = 0) -> None:
        self._limits = limits
        self._tokens = tokens
        # Those of the answer that is being written; what its model reports takes their place.
        self._streamed = 0

    def begin_step(self, number: int) -> None:
        """Allow step `number`, counted from 1.

        Raises:
            LimitReached: the run may not have so many.
        """
        if number > self._limits.steps.most:
            raise LimitReached(self._limits.steps.reason())
        self._check_tokens()

    def count(self, event: Event) -> None:
        """Count the tokens that an event tells of.

        Raises:
            LimitReached: the answer that is being written goes beyond the limit.
        """
        match event:
            case MessageDelta(tokens=tokens):
                self._streamed += tokens
                self._check_tokens()
            case UsageRecorded(tokens_in=tokens_in, tokens_out=tokens_out):
                self._tokens += tokens_in + tokens_out
                self._streamed = 0
            case _:
                pass

    def counting(self, emit: Emit) -> Emit:
        """Return `emit` with each event counted."""

        def emit_and_count(event: Event) -> None:
            emit(event)
            self.count(event)

        return emit_and_count

    def _check_tokens(self) -> None:
        if self._tokens + self._streamed > self._limits.tokens.most:
            raise LimitReached(self._limits.tokens.reason())


def _limit(unit: str, agents: int | None, installations: int) -> Limit:
    if agents is not None and agents < installations:
        return Limit(agents, unit, "the limit in the agent's settings")
    return Limit(installations, unit, f"ATELIER_RUN_{unit.upper()}_MAX")
