"""Whether each part works: one look for load balancers, the dashboard and `atelier doctor`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum

import httpx
from pydantic import BaseModel, ConfigDict
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.backend.api.parts import ApiParts
from app.backend.core import clock, migrations
from app.backend.core import redis as names
from app.backend.core.errors import AppError
from app.backend.system.workers import list_workers

SECONDS_MAX = 2.0


class Health(StrEnum):
    """States of a part, and of the whole."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class PartHealth(BaseModel):
    """How one part is; `message` says what is wrong and what to do."""

    model_config = ConfigDict(frozen=True)

    name: str
    status: Health
    message: str = ""
    milliseconds: float = 0.0


class SystemHealth(BaseModel):
    """How all parts are; the whole is down when nothing can be shown or started."""

    model_config = ConfigDict(frozen=True)

    status: Health
    parts: list[PartHealth]
    checked_at: datetime


class _Wrong(AppError):
    """A part answers, and is not as it should be."""


_NEEDED = frozenset({"database", "redis"})
Check = Callable[[ApiParts], Awaitable[str]]


async def check_parts(parts: ApiParts) -> SystemHealth:
    """Ask every part at once how it is; none may take longer than two seconds."""
    found = await asyncio.gather(*(_ask(name, parts) for name in CHECKS))
    broken = {part.name for part in found if part.status is not Health.OK}
    status = Health.DEGRADED if broken else Health.OK
    if broken & _NEEDED:
        status = Health.DOWN
    return SystemHealth(status=status, parts=found, checked_at=clock.now())


async def _ask(name: str, parts: ApiParts) -> PartHealth:
    begun = clock.monotonic()
    status, message = Health.DOWN, ""
    try:
        async with asyncio.timeout(SECONDS_MAX):
            message = await CHECKS[name](parts)
        status = Health.OK
    except AppError as error:  # lint-skip: edge-catch
        message = error.message
    except (SQLAlchemyError, RedisError, httpx.HTTPError, OSError, ValueError):
        message = f"Does not answer. {_HINTS[name]}"
    milliseconds = round((clock.monotonic() - begun) * 1000, 1)
    return PartHealth(
        name=name, status=status, message=message, milliseconds=milliseconds
    )


async def _check_database(parts: ApiParts) -> str:
    revision = await migrations.current_revision(parts.db)
    if revision != migrations.newest_revision():
        raise _Wrong("Its tables are of another version. Run `atelier migrate`.")
    return ""


async def _check_redis(parts: ApiParts) -> str:
    await parts.redis.execute_command("PING")
    return ""


async def _check_vectors(parts: ApiParts) -> str:
    await parts.index.check()
    return ""


async def _check_objects(parts: ApiParts) -> str:
    await parts.objects.check()
    return ""


async def _check_runtime(parts: ApiParts) -> str:
    url = f"{parts.settings.runtime_address}/health"
    async with httpx.AsyncClient(timeout=SECONDS_MAX) as client:
        response = await client.get(url)
    response.raise_for_status()
    is_loaded = response.json().get("is_model_loaded", True)
    return "" if is_loaded else "Model not loaded yet, loads when first asked."


async def _check_workers(parts: ApiParts) -> str:
    workers = await list_workers(parts.redis)
    if not workers:
        message = f"No worker is running, so runs wait. {_HINTS['workers']}"
        raise _Wrong(message)
    jobs = sum(worker.busy for worker in workers)
    return f"{len(workers)} alive, {jobs} {'job' if jobs == 1 else 'jobs'} now."


async def _check_scheduler(parts: ApiParts) -> str:
    if not await parts.redis.exists(names.lock("scheduler")):
        message = (
            f"No scheduler is running, so nothing cleans up. {_HINTS['scheduler']}"
        )
        raise _Wrong(message)
    return ""


_OF_UP = "`atelier up` starts it; its log is in the data folder under logs."
_HINTS = {
    "database": "Check ATELIER_DATABASE_URL and that the server runs.",
    "redis": f"Check ATELIER_REDIS_URL. {_OF_UP}",
    "vectors": f"Check ATELIER_CHROMA_URL. {_OF_UP}",
    "objects": "Check the data folder or the ATELIER_S3_* settings.",
    "runtime": f"Check ATELIER_RUNTIME_URL. {_OF_UP}",
    "workers": _OF_UP,
    "scheduler": _OF_UP,
}
CHECKS: dict[str, Check] = {
    "database": _check_database,
    "redis": _check_redis,
    "vectors": _check_vectors,
    "objects": _check_objects,
    "runtime": _check_runtime,
    "workers": _check_workers,
    "scheduler": _check_scheduler,
}
