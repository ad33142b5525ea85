"""The same done to many runs: each has a result, and what is deleted is gone from everywhere."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core import redis as names
from app.backend.core.actor import Actor, Role
from app.backend.core.errors import Forbidden, NotFound
from app.backend.core.run_context import SavedStep
from app.backend.core.run_events import RunStatus
from app.backend.runs import bulk, ending, engine_repository
from app.backend.runs.live import publish
from app.backend.runs.retention import Retention
from app.backend.runs.schemas import BulkAction, RunOutcome
from app.backend.runs.tables import RunRow
from app.backend.tables import metadata
from app.backend.threads import service as threads
from tests.factories.rows import MakeAgent, MakeRun, MakeThread, MakeUser
from tests.runs import Runs


async def _do(
    services: Services, actor: Actor, action: BulkAction, *run_ids: UUID
) -> list[RunOutcome]:
    async with services.db.transaction() as session:
        return await bulk.change_runs(
            session, actor, action=action, run_ids=run_ids, parts=services
        )


async def _rows_of(services: Services, run_id: UUID) -> dict[str, int]:
    """Return how many rows each table has that names the run."""
    async with services.db.engine.connect() as connection:
        return {
            f"{table.name}.{column.name}": (
                await connection.execute(
                    select(func.count()).select_from(table).where(column == run_id)
                )
            ).scalar_one()
            for table in metadata.sorted_tables
            for column in table.columns
            if column.name in {"run_id", "origin_id"} or str(column) == "run.id"
        }


async def test_stop_and_retry_take_what_they_can_and_say_why_not(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    make_run: MakeRun,
    runs: Runs,
) -> None:
    queued = await runs.start((await make_agent(actor)).id)
    ended = await make_run(actor, status=RunStatus.FAILED)
    foreign = await make_run(other_actor)
    asked = (queued.id, ended.id, foreign.id, queued.id)

    retried = await _do(services, actor, BulkAction.RETRY, *asked)
    stopped = await _do(services, actor, BulkAction.STOP, *asked)
    again = await _do(services, actor, BulkAction.RETRY, queued.id)

    assert [outcome.run_id for outcome in stopped] == [queued.id, ended.id, foreign.id]
    assert [outcome.is_done for outcome in retried] == [False, False, False]
    assert "Stop it before" in retried[0].message
    assert "was deleted" in retried[1].message
    assert "or it is not yours" in retried[2].message
    assert [outcome.is_done for outcome in stopped] == [True, False, False]
    assert stopped[1].message == bulk.HAS_ENDED
    assert (await runs.get(queued.id)).status == RunStatus.STOPPED
    assert again[0].new_run_id is not None
    assert (await runs.get(again[0].new_run_id)).origin_id == queued.id


async def test_requeue_goes_on_after_the_last_step_or_begins_anew(
    services: Services, actor: Actor, make_agent: MakeAgent, make_run: MakeRun
) -> None:
    agent = await make_agent(actor)
    kept, bare = [
        await make_run(actor, agent=agent, status=RunStatus.FAILED) for _ in range(2)
    ]
    step = SavedStep(engine_repository.saver_thread(kept.id, 1), "c1", 3)
    async with services.db.transaction() as session:
        await engine_repository.add_steps(
            session, [step], run_id=kept.id, owner_id=actor.user_id, epoch=1
        )

    outcomes = await _do(services, actor, BulkAction.REQUEUE, kept.id, bare.id)

    new = [outcome.new_run_id for outcome in outcomes]
    assert all(new)
    async with services.db.read() as session:
        steps = [
            await engine_repository.find_newest_step(session, run_id)
            for run_id in new
            if run_id
        ]
    assert steps == [step, None]


async def test_retry_that_is_refused_stops_nothing(
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    make_thread: MakeThread,
    make_run: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = await make_agent(actor, concurrency="interrupt")
    thread = await make_thread(actor)
    values: dict[str, Any] = {"agent": agent, "thread_id": thread.id}
    ended = await make_run(actor, status=RunStatus.FAILED, **values)
    running = await make_run(actor, status=RunStatus.RUNNING, epoch=1, **values)
    settings = services.settings.model_copy(update={"runs_active_max": 1})
    parts = replace(services, settings=settings)
    signalled = list[UUID]()

    async def signal(_redis: object, run_id: UUID) -> None:
        signalled.append(run_id)

    monkeypatch.setattr(ending, "signal_stop", signal)

    (refused,) = await _do(parts, actor, BulkAction.RETRY, ended.id)

    assert "As many runs as this installation allows" in refused.message
    assert signalled == []
    async with services.db.read() as session:
        row = await session.get(RunRow, running.id)
    assert row is not None
    assert row.stop_requested_at is None


async def test_deleted_run_leaves_nothing_and_the_conversation_goes_on(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs
) -> None:
    agent = await make_agent(actor)
    doomed = await runs.start(agent.id, "A secret question")
    assert doomed.thread_id is not None
    other = await runs.start(agent.id, "What is salt?", thread_id=doomed.thread_id)
    step = SavedStep(engine_repository.saver_thread(doomed.id, 1), "c1", 3)
    async with services.db.transaction() as session:
        await engine_repository.add_steps(
            session, [step], run_id=doomed.id, owner_id=actor.user_id, epoch=1
        )
    await publish(services.redis, doomed.id, await runs.events(doomed.id))

    skipped = await _do(services, actor, BulkAction.DELETE, doomed.id)
    await runs.stop(doomed.id)
    await runs.stop(other.id)
    deleted = await _do(services, actor, BulkAction.DELETE, doomed.id)

    assert "Stop it, then delete it" in skipped[0].message
    assert deleted[0].is_done
    retention = Retention(services.db, services.checkpoints, services.settings)
    assert await retention.sweep_gone() == 1
    assert set((await _rows_of(services, doomed.id)).values()) == {0}
    assert await services.redis.exists(names.run_stream(doomed.id)) == 0
    async with services.db.read() as session:
        left = await threads.list_messages(session, actor, thread_id=doomed.thread_id)
        thread = await threads.get_thread(session, actor, thread_id=doomed.thread_id)
    assert [message.content for message in left] == ["What is salt?"]
    assert thread.title == "What is salt?"

    await _do(services, actor, BulkAction.DELETE, other.id)
    async with services.db.read() as session:
        with pytest.raises(NotFound):
            await threads.get_thread(session, actor, thread_id=doomed.thread_id)


async def test_deletion_is_for_owners_with_the_permission(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_user: MakeUser,
    make_run: MakeRun,
) -> None:
    run = await make_run(actor, status=RunStatus.FAILED)
    viewer = await make_user(role=Role.VIEWER)

    (foreign,) = await _do(services, other_actor, BulkAction.DELETE, run.id)
    (absent,) = await _do(services, other_actor, BulkAction.DELETE, ids.new_id())
    for action in BulkAction:
        with pytest.raises(Forbidden):
            await _do(services, viewer, action, run.id)

    assert not foreign.is_done
    assert foreign.message.replace(str(run.id), "") == absent.message.replace(
        str(absent.run_id), ""
    )
    assert sum((await _rows_of(services, run.id)).values()) == 1
