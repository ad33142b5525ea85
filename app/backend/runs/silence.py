"""Tells for how long the worker of a run has been silent, by this process's own steady clock.

Clocks of machines differ and jump, and a whole machine may sleep: that a lease is over by the calendar does not yet
mean that nobody renews it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.backend.core import clock

# Who has not looked for this long has slept, or had no database; then the workers had no chance to renew either.
LOOK_SECONDS_MAX = 5.0


@dataclass(frozen=True)
class Lease:
    """Until when one claim of a run holds, as its worker said last."""

    run_id: UUID
    epoch: int
    until: datetime


class Silence:
    """Notes since when each lease has not been renewed."""

    def __init__(self) -> None:
        self._since: dict[Lease, float] = {}
        self._looked_at = 0.0

    def look(self, leases: Iterable[Lease]) -> dict[Lease, float]:
        """Return for how many seconds each of the leases, which are all there are now, has been the same."""
        now = clock.monotonic()
        before = self._since if now - self._looked_at <= LOOK_SECONDS_MAX else {}
        self._since = {lease: before.get(lease, now) for lease in leases}
        self._looked_at = now
        return {lease: now - since for lease, since in self._since.items()}
