"""What every fault test says about itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from chaos.ground import Ground
from chaos.outcome import Outcome

STACKS = ("sqlite", "postgres")


@dataclass(frozen=True)
class Fault:
    """One row of the table: what is done, what must hold, and how often it is tried.

    `quick` is how often the tests try it, on `quick_stacks`; `changes` are the settings that it needs.
    """

    id: str
    what: str
    must: str
    play: Callable[[Ground, int], Awaitable[Outcome]]
    rounds: int
    quick: int
    stacks: tuple[str, ...] = STACKS
    quick_stacks: tuple[str, ...] = ("sqlite",)
    changes: dict[str, Any] = field(default_factory=dict[str, Any])
