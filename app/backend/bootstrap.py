"""Builds the parts that the settings ask for; the only place that picks implementations."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from app.backend.agents.checkpoints import Checkpoints
from app.backend.budgets.embedding import ProviderEmbedders
from app.backend.core import crypto, masking
from app.backend.core import redis as redis_client
from app.backend.core.crypto import Keyring
from app.backend.core.db import Database
from app.backend.core.outbox import Outbox
from app.backend.core.settings import Settings
from app.backend.files import storage
from app.backend.files.storage import ObjectStore
from app.backend.identity.mail import Mailer
from app.backend.identity.outside.bearer import IssuerKeys
from app.backend.identity.request_limits import RequestLimits
from app.backend.identity.smtp import SmtpMailer
from app.backend.knowledge import embeddings
from app.backend.knowledge import index as vector_index
from app.backend.knowledge.bm25 import WordIndexes
from app.backend.knowledge.embeddings import Embedder
from app.backend.knowledge.index import VectorIndex
from app.backend.knowledge.parsers import Parsers
from app.backend.knowledge.tool import SEARCH_TOOL, make_search_tool
from app.backend.middleware.chains import RowChains
from app.backend.models import catalog
from app.backend.models.catalog import ModelCatalog
from app.backend.runs.agent_tool import RUN_AGENT, make_agent_tool
from app.backend.runs.feed import RunFeed
from app.backend.runs.lease import Heartbeat
from app.backend.runs.live import LiveStreams
from app.backend.system.service import SystemWatch
from app.backend.tools.base import AnyTool
from app.backend.tools.outside import make_outside_tools
from app.backend.tools.registry import ToolRegistry, find_builtin

# A job that Redis does not take by then leaves later: its row stays in the outbox. What viewers are not told, they read.
REDIS_SECONDS = 2.0


@dataclass(frozen=True)
class Services:
    """The parts of one process or one job; nothing here outlives its event loop."""

    settings: Settings
    keyring: Keyring
    db: Database
    redis: Redis
    blocking: BlockingRedis
    streams: LiveStreams
    heartbeat: Heartbeat
    outbox: Outbox
    objects: ObjectStore
    parsers: Parsers
    embedder: Embedder
    index: VectorIndex
    words: WordIndexes
    models: ModelCatalog
    checkpoints: Checkpoints
    feed: RunFeed
    request_limits: RequestLimits
    tools: ToolRegistry = field(default_factory=ToolRegistry)
    watch: SystemWatch = field(default_factory=SystemWatch)
    issuer_keys: IssuerKeys = field(default_factory=IssuerKeys)

    @property
    def chains(self) -> RowChains:
        """Tells all processes what stands before models; the models have their own."""
        return RowChains(self.db, self.redis)

    @property
    def embedders(self) -> ProviderEmbedders:
        """Makes vectors with models of providers."""
        return ProviderEmbedders(self)

    @property
    def mailer(self) -> Mailer:
        """Sends mail; it holds nothing open."""
        return SmtpMailer(self.settings)


@asynccontextmanager
async def build(
    settings: Settings, *, shared: bool = False, local_embedder: Embedder | None = None
) -> AsyncGenerator[Services, None]:
    """Open the parts, and close them at the end.

    `shared` takes the engine that this process shares, for one event loop at a time; `local_embedder` is the runtime's own, which others ask it for.
    """
    services = _open(settings, shared=shared, local_embedder=local_embedder)
    try:
        yield with_tools(services)
    finally:
        await _close(services)


def _open(
    settings: Settings, *, shared: bool, local_embedder: Embedder | None
) -> Services:
    # None of them connects before it is used.
    masking.known().learn(masking.secrets_of(settings))
    db = Database(settings.sql_url, shared=shared)
    redis = redis_client.connect(settings.redis_url)
    blocking = redis_client.connect_blocking(settings.redis_url, seconds=REDIS_SECONDS)
    keyring = crypto.load_keyring(settings)
    chains = RowChains(db, redis)
    return Services(
        settings=settings,
        keyring=keyring,
        db=db,
        redis=redis,
        blocking=blocking,
        streams=LiveStreams(blocking),
        heartbeat=Heartbeat(db, lease_seconds=settings.lease_seconds),
        outbox=Outbox(db, blocking),
        objects=storage.make_store(settings, keyring),
        parsers=Parsers(),
        embedder=local_embedder or _runtime_embedder(settings, keyring),
        index=vector_index.make_index(settings),
        words=WordIndexes(settings.data_dir / "bm25"),
        models=catalog.open_catalog(settings, db, keyring, redis, chains),
        checkpoints=Checkpoints(settings),
        feed=RunFeed(db, redis),
        request_limits=RequestLimits(db, redis),
    )


async def _close(services: Services) -> None:
    services.parsers.close()
    await services.outbox.settle()
    for part in (
        services.checkpoints,
        services.feed,
        services.models,
        services.embedder,
    ):
        await part.close()
    for held in (services.heartbeat, services.streams):
        await asyncio.to_thread(held.close)
    await services.redis.aclose()
    services.blocking.close()
    await services.db.close()


def _runtime_embedder(settings: Settings, keyring: Keyring) -> Embedder:
    token = keyring.token("runtime")
    return embeddings.make_runtime_embedder(settings, token=token)


def with_tools(services: Services) -> Services:
    """Return the parts with the tools that work with them."""
    outside = _outside_tools(services.settings)
    own = [make_search_tool(services), make_agent_tool(services.settings)]
    tools = [*find_builtin(), *own, *outside]
    return replace(services, tools=ToolRegistry(tools))


def tool_names(settings: Settings) -> list[str]:
    """Return what agents can be given, without opening a part."""
    names = [tool.name for tool in (*find_builtin(), *_outside_tools(settings))]
    return [*names, SEARCH_TOOL, RUN_AGENT]


def _outside_tools(settings: Settings) -> list[AnyTool]:
    return make_outside_tools(settings.data_dir) if settings.fault_points else []
