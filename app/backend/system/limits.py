"""What the caller may use, and how much of it they have used."""

from pydantic import BaseModel, ConfigDict, Field

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.settings import Settings
from app.backend.files import service as files
from app.backend.files.service import BYTES_PER_MB
from app.backend.identity import tiers
from app.backend.identity.request_limits import RequestLimits, Window
from app.backend.runs import days, line


class LimitUse(BaseModel):
    """One limit; without `most` there is none."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="As in a tier.")
    used: float
    most: int | None = None


class LimitsUse(BaseModel):
    """The caller's limits, and the tier that they come from."""

    model_config = ConfigDict(frozen=True)

    tier: str
    items: list[LimitUse]


async def show_limits(
    session: Session, actor: Actor, *, settings: Settings, requests: RequestLimits
) -> LimitsUse:
    """Return how much the actor has used of what they may.

    Requests are those of programs in the last minute; where they have no limit they are not counted, and it says 0.
    """
    view = await tiers.get_person_limits(session, actor, user_id=actor.user_id)
    limits = view.limits
    load = await line.read_load(session, actor.user_id)
    stored = await files.count_bytes(session, actor)
    asked = await requests.used(actor.user_id, Window.PROGRAMS)
    runs = await days.count_today(session, actor.user_id)
    active = settings.runs_active_per_user_max
    used: list[tuple[str, float, int | None]] = [
        ("requests_per_minute", asked or 0, limits.requests_per_minute),
        ("runs_per_day", runs, limits.runs_per_day),
        ("runs_active", load.own, min(active, limits.runs_active or active)),
        ("storage_mb", round(stored / BYTES_PER_MB, 1), limits.storage_mb),
    ]
    items = [LimitUse(name=name, used=much, most=most) for name, much, most in used]
    return LimitsUse(tier=view.tier.name, items=items)
