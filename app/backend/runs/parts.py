"""The parts that starting, stopping and ending runs works with."""

from typing import Protocol

from redis.asyncio import Redis

from app.backend.core.outbox import Outbox
from app.backend.core.settings import Settings


class EndParts(Protocol):
    """What the end of a run works with."""

    @property
    def redis(self) -> Redis:
        """Where viewers are told, and stop signals go."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Where jobs are asked for."""
        ...


class RunParts(EndParts, Protocol):
    """What a process's Services has."""

    @property
    def settings(self) -> Settings:
        """Limits."""
        ...
