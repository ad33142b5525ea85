"""Which scheduler is active, as it says of itself in Redis for as long as it holds the lock."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from redis.asyncio import Redis

_KEY = "app:scheduler:active"


class ActiveScheduler(BaseModel):
    """The scheduler that holds the lock, and since when."""

    model_config = ConfigDict(frozen=True)

    host: str
    pid: int
    since: datetime


async def note_active(redis: Redis, holder: ActiveScheduler, *, seconds: float) -> None:
    """Say who is active; forgotten when it is not said again within `seconds`."""
    await redis.set(_KEY, holder.model_dump_json(), px=int(seconds * 1000))


async def find_active(redis: Redis) -> ActiveScheduler | None:
    """Return who is active, if anybody is."""
    found = await redis.get(_KEY)
    return None if found is None else ActiveScheduler.model_validate_json(found)
