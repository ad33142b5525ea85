"""Whether each part of the installation answers: the same for the dashboard, the API and the command line."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx
import structlog
from pydantic import BaseModel, ConfigDict
from redis.exceptions import RedisError
from rq import Worker
from rq.worker import WorkerStatus
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.backend.bootstrap import Services
from app.backend.core import redis as redis_client
from app.backend.core.errors import AppError, ServiceUnavailable
from app.backend.core.settings import Settings

logger = structlog.get_logger(__name__)

CHECK_SECONDS = 3.0


class PartHealth(BaseModel):
    """One part: whether it is well, and a few words on how, or on what to do."""

    model_config = ConfigDict(frozen=True)

    name: str
    label: str
    is_ok: bool
    detail: str
    milliseconds: float


async def check_parts(services: Services) -> list[PartHealth]:
    """Ask every part at once; one that is silent for three seconds counts as down."""
    return list(
        await asyncio.gather(
            _check("database", "Database", lambda: _database(services)),
            _check("redis", "Redis", lambda: _redis(services)),
            _check("workers", "Workers", lambda: _workers(services.settings)),
            _check("vectors", "Vector store", lambda: _vectors(services)),
            _check("objects", "Object store", lambda: _objects(services)),
            _check("runtime", "Model runtime", lambda: _runtime(services.settings)),
        )
    )


async def _check(
    name: str, label: str, ask: Callable[[], Awaitable[str]]
) -> PartHealth:
    started = time.monotonic()
    is_ok = False
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            detail = await ask()
        is_ok = True
    except AppError as error:
        detail = error.message
    except TimeoutError:
        detail = f"No answer in {CHECK_SECONDS:.0f} s. See its log in the data folder."
    except (SQLAlchemyError, RedisError, httpx.HTTPError, OSError) as error:
        logger.warning("part_unwell", part=name, error=str(error))
        detail = (
            "It does not answer. Start it again, or see its log in the data folder."
        )
    milliseconds = round((time.monotonic() - started) * 1000, 1)
    return PartHealth(
        name=name, label=label, is_ok=is_ok, detail=detail, milliseconds=milliseconds
    )


async def _database(services: Services) -> str:
    async with services.db.read() as session:
        await session.exec(text("SELECT 1"))  # pyright: ignore[reportCallIssue, reportArgumentType]
    return "SQLite" if services.db.is_sqlite else "PostgreSQL"


async def _redis(services: Services) -> str:
    server = await services.redis.info("server")
    version = server.get("valkey_version") or server.get("redis_version", "")
    return f"{'Valkey' if 'valkey_version' in server else 'Redis'} {version}"


async def _workers(settings: Settings) -> str:
    alive, busy = await asyncio.to_thread(_count_workers, settings.redis_url)
    if not alive:
        message = "No worker is alive, so runs wait in the queue. Start one with `atelier up --only worker`."
        raise ServiceUnavailable(message, service="workers")
    return f"{alive} alive, {busy} busy"


def _count_workers(redis_url: str) -> tuple[int, int]:
    redis = redis_client.connect_blocking(redis_url)
    try:
        workers = Worker.all(connection=redis)
        return len(workers), sum(
            worker.get_state() == WorkerStatus.BUSY for worker in workers
        )
    finally:
        redis.close()


async def _vectors(services: Services) -> str:
    await services.index.check()
    return "Chroma"


async def _objects(services: Services) -> str:
    await services.objects.check()
    return "Local folder" if services.settings.object_store == "local" else "S3"


async def _runtime(settings: Settings) -> str:
    async with httpx.AsyncClient(base_url=settings.runtime_address) as client:
        answer = (await client.get("/health")).raise_for_status()
    model = answer.json().get("model")
    return model if isinstance(model, str) and model else "Ready"
