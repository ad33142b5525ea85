"""What somebody has running when they are suspended."""

import asyncio

import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.knowledge import service as knowledge
from app.backend.knowledge import uploads
from app.backend.knowledge.schemas import DocumentStatus
from app.backend.runs.tables import RunRow
from app.backend.system.people import suspend
from app.workers import jobs
from tests.factories.rows import MakeCollection, MakeRun


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.WAITING])
async def test_runs_of_a_suspended_user_are_stopped(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_run: MakeRun,
    status: RunStatus,
) -> None:
    theirs = await make_run(other_actor, status=status)
    ended = await make_run(other_actor, status=RunStatus.COMPLETED)
    own = await make_run(actor, status=status)

    async with services.db.transaction() as session:
        view = await suspend(
            session, actor, user_id=other_actor.user_id, parts=services
        )

    assert not view.is_active
    async with services.db.read() as session:
        found = [await session.get(RunRow, run.id) for run in (theirs, ended, own)]
    assert [row.status for row in found if row] == [
        RunStatus.STOPPED,
        RunStatus.COMPLETED,
        status,
    ]


async def test_document_of_a_suspended_user_waits(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_collection: MakeCollection,
) -> None:
    collection = await make_collection(other_actor)
    document = await uploads.upload_document(
        services,
        other_actor,
        collection_id=collection.id,
        name="a.md",
        body=b"Salt is white.",
    )
    async with services.db.transaction() as session:
        await suspend(session, actor, user_id=other_actor.user_id, parts=services)

    await jobs._ingest_document(  # pyright: ignore[reportPrivateUsage]
        document.id, services, asyncio.Event()
    )

    async with services.db.read() as session:
        left = await knowledge.get_document(
            session, other_actor, document_id=document.id
        )
    assert left.status == DocumentStatus.UPLOADED
