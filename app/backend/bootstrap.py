"""Builds the parts that the settings ask for; the only place that picks implementations."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from app.backend.core import crypto
from app.backend.core import redis as redis_client
from app.backend.core.crypto import Keyring
from app.backend.core.db import Database
from app.backend.core.outbox import Outbox
from app.backend.core.settings import Settings


@dataclass(frozen=True)
class Services:
    """The parts of one process or one job; nothing here outlives its event loop."""

    settings: Settings
    keyring: Keyring
    db: Database
    redis: Redis
    outbox: Outbox


@asynccontextmanager
async def build(
    settings: Settings, *, pooled: bool = True
) -> AsyncGenerator[Services, None]:
    """Open the parts, and close them at the end; `pooled` is off in a job, which lives short."""
    db = Database(settings.sql_url, pooled=pooled)
    redis = redis_client.connect(settings.redis_url)
    blocking = redis_client.connect_blocking(settings.redis_url)
    try:
        yield Services(
            settings=settings,
            keyring=crypto.load_keyring(settings),
            db=db,
            redis=redis,
            outbox=Outbox(db, blocking),
        )
    finally:
        await redis.aclose()
        blocking.close()
        await db.close()
