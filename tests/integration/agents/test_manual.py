"""The manual of a new account comes, whatever is away, lost or suspended meanwhile, and it comes once."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import col, delete, select, update
from typing_extensions import override

from app.backend.agents import ready_made
from app.backend.bootstrap import Services
from app.backend.core import clock, project
from app.backend.core.actor import Actor
from app.backend.core.jobs import QueueName
from app.backend.files.errors import StoreFull
from app.backend.files.storage import ObjectStore
from app.backend.identity.tables import UserRow
from app.backend.knowledge.tables import CollectionRow, DocumentRow
from app.workers import jobs

QUEUE = f"rq:queue:{QueueName.INGEST_LATER}"


class _FlakyStore:
    """An object store that takes so many objects, and then no more."""

    def __init__(self, store: ObjectStore, takes: int) -> None:
        self._store, self._left = store, takes
        self.delete = store.delete

    async def put(self, key: str, body: bytes, *, media_type: str) -> None:
        if not self._left:
            raise StoreFull
        self._left -= 1
        await self._store.put(key, body, media_type=media_type)


@pytest.fixture
async def collection_id(services: Services, actor: Actor) -> UUID:
    """Return the collection of a new account, whose job was handed to the queue."""
    await ready_made.install_ready_made(services, actor)
    await services.outbox.settle()
    async with services.db.read() as session:
        return (await session.exec(select(CollectionRow.id))).one()


def _pages() -> list[str]:
    return sorted(path.name for path in ready_made.manual_pages())


async def _names(services: Services) -> list[str]:
    async with services.db.read() as session:
        return sorted((await session.exec(select(DocumentRow.name))).all())


async def _queued(services: Services) -> list[str]:
    found = await services.redis.execute_command("LRANGE", QUEUE, 0, -1)
    return list(found or [])


async def _sweep(services: Services) -> int:
    """Sweep when the manual is due, and settle what that asks for."""
    async with services.db.transaction() as session:
        due = update(CollectionRow).where(col(CollectionRow.manual_due_at).is_not(None))
        ago = clock.now() - timedelta(seconds=1)
        await session.exec(due.values(manual_due_at=ago))
    count = await ready_made.sweep_manuals(services)
    await services.outbox.settle()
    return count


async def _work(services: Services, actor: Actor, collection_id: UUID) -> None:
    """Do what a worker does, with the queues empty as they are when it has taken all."""
    await jobs._upload_manual(  # pyright: ignore[reportPrivateUsage]
        actor.user_id, collection_id, services, asyncio.Event()
    )
    await services.outbox.settle()
    await services.redis.delete(QUEUE)


def test_manual_has_the_pages_for_those_who_use_the_product() -> None:
    all_pages = {path.name for path in project.DOCS.glob("*.md")}

    first, *rest = (path.name for path in ready_made.manual_pages())

    assert first == "index.md"
    assert {first, *rest} == all_pages - {"benchmarks.md", "development.md"}
    assert len({first, *rest}) == 1 + len(rest) == len(all_pages) - 2


async def test_manual_whose_job_was_lost_is_asked_for_again_until_it_is_there(
    services: Services, actor: Actor, collection_id: UUID
) -> None:
    assert await _sweep(services) == 0, "its job is in the queue"
    await services.redis.flushdb()

    assert await _sweep(services) == 1
    assert await _queued(services) == [f"manual-{collection_id}"]
    assert await _sweep(services) == 0, "it was asked for"
    await _work(services, actor, collection_id)

    assert await _names(services) == _pages()
    assert await _sweep(services) == 0, "it is there"


async def test_manual_is_not_asked_for_while_a_worker_has_it(
    services: Services,
    actor: Actor,
    collection_id: UUID,
) -> None:
    asked: list[int] = []

    class Watching(_FlakyStore):
        @override
        async def put(self, key: str, body: bytes, *, media_type: str) -> None:
            await services.redis.flushdb()
            asked.append(await ready_made.sweep_manuals(services))
            await super().put(key, body, media_type=media_type)

    async with services.db.transaction() as session:
        ago = clock.now() - timedelta(hours=1)
        await session.exec(update(CollectionRow).values(manual_due_at=ago))
    store = Watching(services.objects, takes=99)

    await ready_made.upload_manual(
        replace(services, objects=store), actor, collection_id=collection_id
    )

    assert asked == [0] * len(_pages())


async def test_manual_that_the_store_took_half_of_is_finished_later(
    services: Services, actor: Actor, collection_id: UUID
) -> None:
    broken = replace(services, objects=_FlakyStore(services.objects, takes=2))

    with pytest.raises(StoreFull):
        await ready_made.upload_manual(broken, actor, collection_id=collection_id)
    await services.outbox.settle()
    await services.redis.flushdb()

    assert len(await _names(services)) == 2
    assert await _sweep(services) == 1
    await _work(services, actor, collection_id)
    assert await _names(services) == _pages()


async def test_manual_of_a_suspended_account_comes_when_it_is_back(
    services: Services, actor: Actor, collection_id: UUID
) -> None:
    for is_active in (False, True):
        async with services.db.transaction() as session:
            mine = update(UserRow).where(col(UserRow.id) == actor.user_id)
            await session.exec(mine.values(is_active=is_active))
        await services.redis.flushdb()
        assert await _sweep(services) == 1
        assert await _names(services) == []
        await _work(services, actor, collection_id)

    assert await _names(services) == _pages()


async def test_manual_of_which_a_page_is_refused_is_done_without_it(
    services: Services, actor: Actor, collection_id: UUID
) -> None:
    sizes = sorted(path.stat().st_size for path in ready_made.manual_pages())
    small = services.settings.model_copy(update={"upload_max_bytes": sizes[-2]})

    await _work(replace(services, settings=small), actor, collection_id)

    assert len(await _names(services)) == len(_pages()) - sizes.count(sizes[-1])
    assert await _sweep(services) == 0


async def test_manual_whose_collection_was_deleted_is_done(
    services: Services, actor: Actor, collection_id: UUID
) -> None:
    async with services.db.transaction() as session:
        await session.exec(delete(CollectionRow))
    await services.redis.flushdb()

    await _work(services, actor, collection_id)

    assert await _sweep(services) == 0
    assert await _names(services) == []


async def test_page_that_its_owner_deleted_does_not_come_back(
    services: Services, actor: Actor, collection_id: UUID
) -> None:
    await _work(services, actor, collection_id)
    async with services.db.transaction() as session:
        await session.exec(delete(DocumentRow))

    await _work(services, actor, collection_id)

    assert await _names(services) == []
    assert await _sweep(services) == 0
