"""Builds the parts that the settings ask for; the only place that picks implementations."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from app.backend.agents.checkpoints import Checkpoints
from app.backend.core import crypto
from app.backend.core import redis as redis_client
from app.backend.core.crypto import Keyring
from app.backend.core.db import Database
from app.backend.core.outbox import Outbox
from app.backend.core.settings import Settings
from app.backend.files import storage
from app.backend.files.storage import ObjectStore
from app.backend.knowledge import embeddings
from app.backend.knowledge import index as vector_index
from app.backend.knowledge.bm25 import WordIndexes
from app.backend.knowledge.embeddings import Embedder
from app.backend.knowledge.index import VectorIndex
from app.backend.models import catalog
from app.backend.models.catalog import ModelCatalog
from app.backend.runs.feed import RunFeed


@dataclass(frozen=True)
class Services:
    """The parts of one process or one job; nothing here outlives its event loop."""

    settings: Settings
    keyring: Keyring
    db: Database
    redis: Redis
    outbox: Outbox
    objects: ObjectStore
    embedder: Embedder
    index: VectorIndex
    words: WordIndexes
    models: ModelCatalog
    checkpoints: Checkpoints
    feed: RunFeed


@asynccontextmanager
async def build(
    settings: Settings, *, shared: bool = False, local_embedder: Embedder | None = None
) -> AsyncGenerator[Services, None]:
    """Open the parts, and close them at the end.

    `shared` takes the engine that this process shares, for one event loop at a time; `local_embedder` is the runtime's own, which others ask it for.
    """
    db = Database(settings.sql_url, shared=shared)
    redis = redis_client.connect(settings.redis_url)
    blocking = redis_client.connect_blocking(settings.redis_url)
    keyring = crypto.load_keyring(settings)
    token = keyring.token("runtime")
    embedder = local_embedder or embeddings.make_runtime_embedder(settings, token=token)
    models = catalog.make_catalog(settings, runtime_token=token)
    feed = RunFeed(db, redis)
    index = vector_index.make_index(settings)
    outbox = Outbox(db, blocking)
    checkpoints = Checkpoints(settings)
    try:
        yield Services(
            settings=settings,
            keyring=keyring,
            db=db,
            redis=redis,
            outbox=outbox,
            objects=storage.make_store(settings, keyring),
            embedder=embedder,
            index=index,
            words=WordIndexes(settings.data_dir / "bm25"),
            models=models,
            checkpoints=checkpoints,
            feed=feed,
        )
    finally:
        await outbox.settle()
        await checkpoints.close()
        await feed.close()
        await models.close()
        await embedder.close()
        await index.close()
        await redis.aclose()
        blocking.close()
        await db.close()
