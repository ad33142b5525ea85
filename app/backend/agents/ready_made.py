"""What a new account finds: three agents, and the product's own documentation to ask about."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID

import structlog

from app.backend.agents import service as agents
from app.backend.agents.schemas import AgentKind
from app.backend.agents.templates import READY_MADE
from app.backend.core import acting, clock, project
from app.backend.core.actor import Actor, Permission
from app.backend.core.crypto import Keyring
from app.backend.core.jobs import Job, JobName
from app.backend.files.errors import FileRefused, StorageUsed
from app.backend.identity import service as identity
from app.backend.knowledge import service as knowledge
from app.backend.knowledge import uploads
from app.backend.knowledge.parts import IngestParts
from app.backend.knowledge.recovery import has_jobs
from app.backend.knowledge.schemas import CollectionDraft
from app.backend.models import service as models
from app.backend.tools.registry import ToolRegistry

# Longer than an upload takes: it is not asked for again while a worker has it.
ASK_AGAIN = timedelta(minutes=5)
_ACCOUNTS_MAX = 100

logger = structlog.get_logger(__name__)

MANUAL = CollectionDraft(
    name="Atelier manual", description="The documentation of this product."
)
# Like the decisions, they answer nobody who asks how to do something, and would stand before what does.
FOR_DEVELOPERS = frozenset({"benchmarks.md", "development.md"})


class ReadyMadeParts(IngestParts, Protocol):
    """What it takes to make agents and upload documents."""

    @property
    def keyring(self) -> Keyring:
        """The installation's key."""
        ...

    @property
    def tools(self) -> ToolRegistry:
        """Tools by name."""
        ...


async def install_ready_made(parts: ReadyMadeParts, actor: Actor) -> None:
    """Give a new account its agents at once, but never twice; a worker uploads and reads the manual."""
    with acting.as_user(actor.user_id):
        await _make_agents(parts, actor)


async def install_missing(parts: ReadyMadeParts) -> None:
    """Give their agents to those who signed in when that failed."""
    async with parts.db.read() as session:
        actors = await identity.list_unwelcomed(session, limit=_ACCOUNTS_MAX)
    for actor in actors:
        await install_ready_made(parts, actor)


async def upload_manual(
    parts: IngestParts, actor: Actor, *, collection_id: UUID
) -> None:
    """Upload the product's documentation to a collection that lacks it; a document that is there already stays.

    The scheduler asks again for what is cut off, or fails.

    Raises:
        ServiceUnavailable: the object store does not work.
    """

    async def set_due(at: datetime | None) -> bool:
        async with parts.db.transaction() as session:
            return await knowledge.set_manual_due(
                session, actor, collection_id=collection_id, at=at
            )

    with acting.as_user(actor.user_id):
        if not await set_due(clock.now() + ASK_AGAIN):
            return
        for path in await asyncio.to_thread(manual_pages):
            await _upload_page(parts, actor, collection_id, path)
        await set_due(None)


async def sweep_manuals(parts: IngestParts) -> int:
    """Ask again for manuals that were lost on the way, but not while they may be in a queue; returns how many.

    Raises:
        RedisError, TimeoutError: Redis, which counts the jobs, is away or does not answer.
    """
    if await has_jobs(parts):
        return 0
    async with parts.db.transaction() as session:
        due = await knowledge.take_due_manuals(
            session, until=clock.now() + ASK_AGAIN, limit=_ACCOUNTS_MAX
        )
        await parts.outbox.add_all(session, [_manual_job(*one) for one in due])
    return len(due)


def manual_pages() -> list[Path]:
    """Return the pages of the product's documentation for those who use it, first what a newcomer asks about."""
    pages = [
        page for page in project.DOCS.glob("*.md") if page.name not in FOR_DEVELOPERS
    ]
    return sorted(pages, key=lambda page: (page.name != "index.md", page))


async def _upload_page(
    parts: IngestParts, actor: Actor, collection_id: UUID, path: Path
) -> None:
    body = await asyncio.to_thread(path.read_bytes)
    try:
        await uploads.upload_document(
            parts,
            actor,
            collection_id=collection_id,
            name=path.name,
            body=body,
            is_awaited=False,
        )
    except (StorageUsed, FileRefused) as error:
        # Asking again would not help; the account works without it, and the owner can upload it later.
        logger.warning("manual_not_uploaded", name=path.name, error=error.message)


async def _make_agents(parts: ReadyMadeParts, actor: Actor) -> None:
    async with parts.db.transaction() as session:
        is_due = await identity.welcome(session, actor)
        if not is_due or not actor.may(Permission.ADD_AGENT):
            return
        collection = await knowledge.create_collection(
            session,
            actor,
            draft=MANUAL,
            embedding_model=parts.embedder.name,
            manual_due_at=clock.now() + ASK_AGAIN,
        )
        default = await models.default_of_new(session, actor, settings=parts.settings)
        # Lists show the newest first: the first of the three should stand on top.
        for draft in reversed(READY_MADE):
            reads = draft.kind == AgentKind.QUOTES or draft is READY_MADE[0]
            await agents.create_agent(
                session,
                actor,
                draft=draft.model_copy(
                    update={"collection_ids": [collection.id] if reads else []}
                ),
                keyring=parts.keyring,
                default_model=default,
                tools=parts.tools,
            )
        await parts.outbox.add(session, _manual_job(actor.user_id, collection.id))


def _manual_job(owner_id: UUID, collection_id: UUID) -> Job:
    return Job(
        name=JobName.MANUAL_UPLOAD,
        key=f"manual-{collection_id}",
        subject_id=f"{owner_id}/{collection_id}",
    )
