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
from app.backend.core import clock, migrations, tls
from app.backend.core import redis as names
from app.backend.core.actor import Actor
from app.backend.core.errors import AppError
from app.backend.providers import service as providers
from app.backend.providers.breaker import Breaker
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


class _Partly(_Wrong):
    """Some of a part works, and some does not."""


MODELS = "models"
_NEEDED = frozenset({"database", "redis"})
Check = Callable[[ApiParts], Awaitable[str]]


async def check_parts(parts: ApiParts) -> SystemHealth:
    """Ask every part at once how it is; none may take longer than two seconds."""
    found = await asyncio.gather(*(_ask(name, parts) for name in CHECKS))
    return _whole(found, clock.now())


async def check_for(actor: Actor, parts: ApiParts, found: SystemHealth) -> SystemHealth:
    """Return the same health as one person sees it, with the services of models that they may use."""

    async def look(parts: ApiParts) -> str:
        return await _check_models(parts, actor)

    own = await _ask(MODELS, parts, look)
    seen = [own if one.name == MODELS else one for one in found.parts]
    return _whole(seen, found.checked_at)


def _whole(parts: list[PartHealth], checked_at: datetime) -> SystemHealth:
    broken = {part.name for part in parts if part.status is not Health.OK}
    status = Health.DEGRADED if broken else Health.OK
    if broken & _NEEDED:
        status = Health.DOWN
    return SystemHealth(status=status, parts=parts, checked_at=checked_at)


async def _ask(name: str, parts: ApiParts, check: Check | None = None) -> PartHealth:
    begun = clock.monotonic()
    status, message = Health.DOWN, ""
    try:
        async with asyncio.timeout(SECONDS_MAX):
            message = await (check or CHECKS[name])(parts)
        status = Health.OK
    except AppError as error:  # lint-skip: edge-catch
        message = error.message
        status = Health.DEGRADED if isinstance(error, _Partly) else Health.DOWN
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
    async with httpx.AsyncClient(timeout=SECONDS_MAX, verify=tls.trusted()) as client:
        response = await client.get(url)
    response.raise_for_status()
    is_loaded = response.json().get("is_model_loaded", True)
    return "" if is_loaded else "Loads when first asked."


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


async def _check_models(parts: ApiParts, actor: Actor | None = None) -> str:
    broken = await Breaker(parts.redis).list_broken()
    if not broken:
        return ""
    named = {view.name: view.label for view in parts.models.builtin()}
    if actor is not None:
        async with parts.db.read() as session:
            own = await providers.list_providers(session, actor)
        named |= {str(view.id): view.label or view.name for view in own}
    told = [
        _AWAY.format(label=named[key], when=_when(one.seconds))
        for one in broken
        if (key := one.service.partition(":")[0]) in named
    ]
    if told:
        raise _Partly(" ".join(told))
    return ""


def _when(seconds: int) -> str:
    return f"in {seconds} s" if seconds else "with the next question"


_AWAY = (
    "{label} has failed again and again and is left alone. It is tried again {when}."
)
_OF_UP = "`atelier up` starts it; its log is in the data folder under logs."
_HINTS = {
    "database": "Check ATELIER_DATABASE_URL and that the server runs.",
    "redis": f"Check ATELIER_REDIS_URL. {_OF_UP}",
    "vectors": f"Check ATELIER_CHROMA_URL. {_OF_UP}",
    "objects": "Check the data folder or the ATELIER_S3_* settings.",
    "runtime": f"Check ATELIER_RUNTIME_URL. {_OF_UP}",
    "workers": _OF_UP,
    "scheduler": _OF_UP,
    MODELS: "Redis keeps which services are away.",
}
CHECKS: dict[str, Check] = {
    "database": _check_database,
    "redis": _check_redis,
    "vectors": _check_vectors,
    "objects": _check_objects,
    "runtime": _check_runtime,
    "workers": _check_workers,
    "scheduler": _check_scheduler,
    MODELS: _check_models,
}
