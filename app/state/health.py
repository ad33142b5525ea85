"""Health of each part, as of the last look."""

import reflex as rx

from app.backend import health
from app.backend.core.actor import Permission
from app.backend.health import PartHealth
from app.state import edge


class HealthState(rx.State):
    """One entry per part, in the same order."""

    parts: rx.Field[list[PartHealth]] = rx.field(default_factory=list)

    @rx.var
    def is_well(self) -> bool:
        """Whether every part answers."""
        return all(part.is_ok for part in self.parts)

    @rx.event(background=True)
    @edge.requires(Permission.VIEW_SYSTEM)
    async def load(self) -> None:
        """Ask every part; in the background, because a part that is down takes seconds not to answer."""
        found = await health.check_parts(edge.services())
        async with self:
            self.parts = found
