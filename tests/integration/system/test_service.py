"""What an administrator sees of the installation and does about it, with a trace of who did it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlmodel import select

from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.errors import NotFound
from app.backend.core.jobs import QueueName
from app.backend.core.redis import connect_blocking
from app.backend.core.run_context import SavedStep
from app.backend.core.run_events import RunStatus
from app.backend.identity.audit import Action
from app.backend.identity.tables import AuditRow
from app.backend.runs import engine_repository
from app.backend.runs.errors import WORKER_LOST
from app.backend.runs.tables import RunRow
from app.backend.system import service as system
from app.backend.system import storage
from app.backend.system.schemas import StorageView, SystemView
from app.backend.system.service import SystemWatch, _brief  # pyright: ignore[reportPrivateUsage]
from app.state import system_lines
from tests.factories.rows import MakeAgent, MakeRun
from tests.parts import free_port
from tests.runs import WAIT_SECONDS, Runs


async def look(services: Services, actor: Actor) -> SystemView:
    return await SystemWatch().look(services, actor)


def parts_with(services: Services, active_max: int) -> Services:
    changed = services.settings.model_copy(update={"runs_active_max": active_max})
    return replace(services, settings=changed)


async def trace(services: Services) -> list[tuple[str, str]]:
    async with services.db.read() as session:
        rows = (await session.exec(select(AuditRow))).all()
    return [(row.action, str(row.object_id or row.object_kind)) for row in rows]


async def make_dead(make_run: MakeRun, owner: Actor, agent: object) -> RunRow:
    return await make_run(
        owner,
        agent=agent,
        status=RunStatus.FAILED,
        error_code=WORKER_LOST,
        attempt=3,
        completed_at=clock.now(),
    )


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take its time to measure."""
    monkeypatch.setattr(system, "_SECONDS_MAX", WAIT_SECONDS)
    monkeypatch.setattr(system, "_MEASURE_SECONDS", WAIT_SECONDS)


@pytest.mark.usefixtures("patience")
async def test_everything_is_seen_at_once(
    services: Services, actor: Actor, make_run: MakeRun
) -> None:
    # The job was made for another run, which is still in line or already with another worker.
    run = await make_run(actor, status=RunStatus.RUNNING, worker="host:9")
    other = await make_run(actor, status=RunStatus.RUNNING, worker="elsewhere:9")
    await make_run(actor, status=RunStatus.COMPLETED, worker="host:9")
    now = clock.now().isoformat()
    horse = {
        "hostname": "host",
        "pid": "7",
        "last_heartbeat": now,
        "birth": now,
        "current_job": f"run-{other.id}-1",
    }
    silent = (clock.now() - timedelta(minutes=5)).isoformat()
    names = ("rq:worker:host.9.a", "rq:worker:host.8.b")
    with connect_blocking(services.settings.redis_url) as redis:
        redis.hset(names[0], mapping=horse)
        redis.hset(names[1], mapping={**horse, "last_heartbeat": silent})
        redis.sadd("rq:workers", *names)
        redis.rpush("rq:queue:runs", "run-1", "run-2")
        redis.hset("rq:job:run-1", "enqueued_at", now)

    watch = SystemWatch()
    view = await watch.look(services, actor)
    again = await watch.look(services, actor)

    (worker,) = view.workers
    assert (worker.name, worker.busy, worker.horses[0].pid) == ("host:7", 1, 9)
    assert list(view.runs) == [run.id]
    assert view.runs[run.id].owner_email == actor.email
    assert view.runs[run.id].is_own
    assert [line.run_id for line in system_lines.job_lines(view)] == [str(run.id)]
    (queue,) = [one for one in view.queues if one.name == QueueName.RUNS]
    assert queue.length == 2
    assert queue.oldest_at is not None
    assert view.revision == view.newest_revision
    assert view.away == []
    assert view.storage is not None
    assert {"run", "run_event"} <= {table.name for table in view.storage.tables}
    assert view.storage.database_bytes > 0
    # What is stored was measured a moment ago, and is not measured again.
    assert again.storage == view.storage


async def test_run_is_the_own_one_of_its_owner_alone(
    actor: Actor, other_actor: Actor, make_run: MakeRun
) -> None:
    run = await make_run(actor)

    assert _brief(run, actor.email, actor).is_own
    assert not _brief(run, actor.email, other_actor).is_own


async def test_storage_that_takes_long_is_measured_all_the_same(
    services: Services, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, begun, measure = asyncio.Event(), list[int](), storage.measure

    async def slow(*parts: Any) -> StorageView:
        begun.append(1)
        await may_end.wait()
        return await measure(*parts)

    monkeypatch.setattr(storage, "measure", slow)
    watch = SystemWatch()

    early = [await watch.look(services, actor) for _ in range(2)]
    may_end.set()
    late = await watch.look(services, actor)

    assert [(view.storage, view.away) for view in early] == [(None, [])] * 2
    facts = {fact.label: fact.value for fact in system_lines.facts(early[0])}
    assert facts["Database"] == "Not measured yet"
    assert late.storage is not None
    assert len(begun) == 1


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("checkpointer", ["database", "redis", "memory"])
async def test_size_of_checkpoints_is_of_those_that_are_written_now(
    checkpointer: str, services: Services, actor: Actor
) -> None:
    await services.checkpoints.open()
    changed = services.settings.model_copy(update={"checkpointer": checkpointer})

    view = await look(replace(services, settings=changed), actor)

    assert view.storage is not None
    size = view.storage.checkpoints_bytes
    assert bool(size) is (checkpointer == "database")


@pytest.mark.usefixtures("patience")
async def test_what_was_deleted_is_not_counted(
    services: Services, actor: Actor, make_run: MakeRun
) -> None:
    runs = [await make_run(actor) for _ in range(4)]
    async with services.db.transaction() as session:
        for run in runs[:3]:
            await session.delete(run)

    view = await look(services, actor)

    assert view.storage is not None
    rows = {table.name: table.rows for table in view.storage.tables}
    # PostgreSQL tells nothing before it has looked.
    assert rows["run"] == (1 if services.db.is_sqlite else 0)


@pytest.mark.usefixtures("patience")
async def test_rows_that_are_numbered_by_time_are_not_taken_for_a_count(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model="scripted/hello")
    await Runs(services, actor).start(agent.id)

    view = await look(services, actor)

    assert view.storage is not None
    rows = {table.name: table.rows for table in view.storage.tables}
    assert rows["run_text"] == rows["run"] <= 1


@pytest.mark.usefixtures("patience")
async def test_what_does_not_answer_is_named_and_the_rest_is_shown(
    services: Services, actor: Actor
) -> None:
    nowhere = Redis.from_url(f"redis://127.0.0.1:{free_port()}")

    view = await look(replace(services, redis=nowhere), actor)

    assert view.away == ["Redis"]
    assert view.revision == view.newest_revision
    assert view.storage is not None
    await nowhere.aclose()


async def test_dead_letter_goes_on_for_its_owner_once_and_leaves_the_list(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    make_run: MakeRun,
) -> None:
    agent = await make_agent(other_actor)
    kept, begun = [await make_dead(make_run, other_actor, agent) for _ in range(2)]
    step = SavedStep(f"{kept.id}:3", "checkpoint", 2)
    async with services.db.transaction() as session:
        await engine_repository.add_steps(
            session, [step], run_id=kept.id, owner_id=kept.owner_id, epoch=3
        )
    seen = (await look(services, actor)).dead_letters

    async with services.db.transaction() as session:
        new_id = await system.requeue_dead(
            session, actor, run_id=kept.id, parts=parts_with(services, 10)
        )
    async with services.db.transaction() as session:
        done, refused = await system.requeue_all_dead(
            session, actor, parts=parts_with(services, 10)
        )

    assert [(one.id, one.is_own) for one in seen.newest] == [
        (begun.id, False),
        (kept.id, False),
    ]
    assert (done, refused) == (1, [])
    assert (await look(services, actor)).dead_letters.total == 0
    async with services.db.read() as session:
        row = await session.get(RunRow, new_id)
        found = await engine_repository.find_newest_step(session, new_id)
    assert row is not None
    assert (row.owner_id, row.origin_id) == (other_actor.user_id, kept.id)
    assert found is not None
    assert found.checkpoint_id == "checkpoint"
    assert await trace(services) == [
        (Action.RUN_REQUEUED, str(kept.id)),
        (Action.RUN_REQUEUED, str(begun.id)),
    ]


async def test_dead_letter_that_cannot_go_on_says_why_and_holds_up_no_other(
    services: Services, actor: Actor, make_agent: MakeAgent, make_run: MakeRun
) -> None:
    agent = await make_agent(actor)
    for _ in range(2):
        await make_dead(make_run, actor, agent)

    async with services.db.transaction() as session:
        done, refused = await system.requeue_all_dead(
            session, actor, parts=parts_with(services, 1)
        )

    assert done == 1
    assert len(refused) == 1
    assert "As many runs as this installation allows" in refused[0]


async def test_run_of_anybody_is_stopped_and_an_absent_one_is_not_found(
    services: Services, actor: Actor, other_actor: Actor, make_run: MakeRun
) -> None:
    run = await make_run(other_actor, status=RunStatus.QUEUED)

    async with services.db.transaction() as session:
        await system.stop_any_run(session, actor, run_id=run.id, parts=services)
        with pytest.raises(NotFound):
            await system.stop_any_run(
                session, actor, run_id=ids.new_id(), parts=services
            )

    async with services.db.read() as session:
        row = await session.get(RunRow, run.id)
    assert row is not None
    assert row.status == RunStatus.STOPPED
    assert await trace(services) == [(Action.RUN_STOPPED, str(run.id))]


async def test_failed_jobs_of_one_queue_are_forgotten(
    services: Services, actor: Actor
) -> None:
    with connect_blocking(services.settings.redis_url) as redis:
        redis.zadd("rq:failed:runs", {"run-1": 1, "run-2": 2})
        redis.zadd("rq:failed:ingest", {"ingest-1": 1})
        redis.hset("rq:job:run-1", "origin", "runs")

    async with services.db.transaction() as session:
        count = await system.empty_failed(
            session, actor, name=QueueName.RUNS, redis=services.redis
        )

    failed = {one.name: one.failed for one in (await look(services, actor)).queues}
    assert count == 2
    assert failed == {name: name == QueueName.INGEST for name in QueueName}
    assert not await services.redis.exists("rq:job:run-1")
    assert await trace(services) == [(Action.QUEUE_EMPTIED, "runs")]
