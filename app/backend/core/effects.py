"""What tools do to the world, and the record of it that outlives a worker."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from app.backend.core.db import Session


class Effect(StrEnum):
    """What happens when a tool is called twice.

    `pure`: nothing but the answer. `idempotent`: with the same key the second call changes nothing more.
    `unsafe`: it happens twice.
    """

    PURE = "pure"
    IDEMPOTENT = "idempotent"
    UNSAFE = "unsafe"


class EffectState(StrEnum):
    """How much is known of an effect: it was about to happen, nobody knows whether it did, or it did."""

    INTENT = "intent"
    UNKNOWN = "unknown"
    DONE = "done"


@dataclass(frozen=True)
class EffectCall:
    """A tool call with an effect: the how-manieth of which step, with which arguments."""

    step: int
    position: int
    tool: str
    args: dict[str, Any]

    @property
    def place(self) -> str:
        """The same for each attempt at this call, and for no other call of the run."""
        text = json.dumps(self.args, sort_keys=True, ensure_ascii=False, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
        return f"{self.step}.{self.position}:{self.tool}:{digest}"


@dataclass(frozen=True)
class EffectEntry:
    """What the ledger has of a call; `key` is for the other side, which may know a repeated call by it.

    `is_new` says that this attempt wrote it: nothing can have happened yet. `tries` counts how often it was begun.
    """

    place: str
    key: str
    state: EffectState
    is_new: bool
    tries: int
    attempt: int
    begun_at: datetime
    result: dict[str, Any] = field(default_factory=dict[str, Any])


Work = Callable[[Session], Awaitable[dict[str, Any]]]


class Effects(Protocol):
    """The ledger of a run: what is written here is there for the next attempt, and only the run's owner may write."""

    async def begin(self, call: EffectCall) -> EffectEntry:
        """Write that the call is about to happen, or return what an earlier attempt wrote."""
        ...

    async def begin_again(self, entry: EffectEntry) -> EffectEntry:
        """Write that a call that did not happen is about to."""
        ...

    async def doubt(self, entry: EffectEntry) -> None:
        """Write that nobody knows whether the call happened."""
        ...

    async def finish(self, entry: EffectEntry, result: dict[str, Any]) -> None:
        """Write that the call happened, and what it gave back."""
        ...

    async def perform(self, entry: EffectEntry, work: Work) -> dict[str, Any]:
        """Do `work` on our own database and write that it happened, both or neither."""
        ...
