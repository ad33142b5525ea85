"""Health of each part, as of the last look."""

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app.backend.api import health
from app.backend.core.actor import Permission
from app.state import edge

_LABELS = {
    "database": "Database",
    "redis": "Redis",
    "vectors": "Vector store",
    "objects": "Object store",
    "runtime": "Model runtime",
    "workers": "Workers",
    "scheduler": "Scheduler",
    "models": "Providers",
}


_WORDS = {health.Health.DEGRADED: "Partly away", health.Health.DOWN: "Down"}


class PartLine(BaseModel):
    """One part: a word on how it is, and what to do when it is not well."""

    model_config = ConfigDict(frozen=True)

    name: str
    label: str
    is_ok: bool
    word: str
    advice: str


class HealthState(rx.State):
    """One line per part, in the same order."""

    parts: rx.Field[list[PartLine]] = rx.field(default_factory=list)

    @rx.var
    def is_well(self) -> bool:
        """Whether every part answers."""
        return all(part.is_ok for part in self.parts)

    @rx.event(background=True)
    @edge.requires(Permission.VIEW_SYSTEM)
    async def load(self) -> None:
        """Ask every part; in the background, because a part that is down takes seconds not to answer."""
        services, actor = edge.services(), await edge.require_actor(self)
        found = await health.check_parts(services)
        found = await health.check_for(actor, services, found)
        lines = [_line(part) for part in found.parts]
        async with self:
            self.parts = lines


def _line(part: health.PartHealth) -> PartLine:
    is_ok = part.status is health.Health.OK
    word = part.message.rstrip(".") if part.message else "Works"
    return PartLine(
        name=part.name,
        label=_LABELS.get(part.name, part.name),
        is_ok=is_ok,
        word=word if is_ok else _WORDS[part.status],
        advice="" if is_ok else part.message,
    )
