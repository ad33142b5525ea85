"""The steps of a run are listed, read and forked by their owner, and kept as long as the settings say."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, delete, update

from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.errors import Conflict, Forbidden, NotFound
from app.backend.core.run_context import SavedStep
from app.backend.core.run_events import RunStatus
from app.backend.runs import engine_repository, executor, service, steps
from app.backend.runs.errors import StepNotKept
from app.backend.runs.retention import Retention
from app.backend.runs.schemas import RunView
from app.backend.runs.steps import RunFork, StepDetail, StepView
from app.backend.runs.tables import RunRow
from app.backend.threads import service as threads
from tests.factories.rows import MakeAgent, RowFactory
from tests.kept_steps import KeptSteps
from tests.processes import Fork
from tests.runs import Runs, assert_log_is_whole

Fork_ = Callable[..., Awaitable[RunView]]


@pytest.fixture
async def fork(services: Services, actor: Actor) -> Fork_:
    """`await fork(run_id, step=1, …)` queues a fork."""

    async def make(run_id: UUID, **values: Any) -> RunView:
        async with services.db.transaction() as session:
            return await steps.fork_run(
                session,
                actor,
                run_id=run_id,
                fork=RunFork.model_validate(values),
                parts=services,
            )

    return make


@pytest.fixture
def retention(services: Services) -> Retention:
    """The scheduler's, with its settings."""
    return Retention(services.db, services.checkpoints, services.settings)


async def _steps(services: Services, actor: Actor, run_id: UUID) -> list[StepView]:
    async with services.db.read() as session:
        return (await steps.list_steps(session, actor, run_id=run_id)).items


async def _read(
    services: Services, actor: Actor, run_id: UUID, step: int
) -> StepDetail:
    async with services.db.read() as session:
        found = await steps.find_step(session, actor, run_id=run_id, step=step)
    return await steps.read_step(services.checkpoints, found)


def _texts(events: list[Any]) -> list[str]:
    return [event.payload["content"] for event in events if event.type == "step"]


async def test_steps_of_a_completed_run_are_shown_and_forked(
    runs: Runs,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    services: Services,
    worker: Fork,
    fork: Fork_,
) -> None:
    agent = await make_agent(actor, model="scripted/echo", instructions="Be kind.")
    origin = await runs.wait((await runs.start(agent.id)).id)

    await _check_steps(services, actor, origin.id)
    # Another question, after the search: it is not searched again.
    forked = await fork(origin.id, step=1, input={"query": "Who is it?"})
    run = await runs.wait(forked.id)
    assert (run.status, run.origin_id, run.origin_step) == (
        RunStatus.COMPLETED,
        origin.id,
        1,
    )
    assert run.output is not None
    assert run.output.answer == "Who is it?"
    events = await runs.events(run.id)
    assert_log_is_whole(events)
    assert "retrieving" not in str([event.payload for event in events])
    told = f"It is a fork: it goes on after step 1 (retrieve) of the run {origin.id}."
    assert told in _texts(events)
    assert [one.step for one in await _steps(services, actor, run.id)] == [1, 2, 3]

    # A fork of the fork, from its beginning in the other run, with other instructions.
    again = await runs.wait(
        (await fork(run.id, step=1, instructions="Be {agent_name}.")).id
    )
    assert again.output is not None
    assert again.output.answer == "Who is it?"
    assert await _instructions(services, again.id) == "Be {agent_name}."
    # The first one is as it was.
    assert await runs.get(origin.id) == origin

    await _check_refusals(services, actor, other_actor, origin.id, fork)
    await _check_links(services, actor, other_actor, again)
    worker.stop()


async def _instructions(services: Services, run_id: UUID) -> str | None:
    async with services.db.read() as session:
        row = await engine_repository.find_run(session, run_id)
    return row.instructions if row else None


async def _check_steps(services: Services, actor: Actor, run_id: UUID) -> None:
    found = await _steps(services, actor, run_id)
    assert [(one.step, one.node, one.next_node, one.can_fork) for one in found] == [
        (0, "", "retrieve", True),
        (1, "retrieve", "generate", True),
        (2, "generate", "cite", True),
        (3, "cite", "", False),
    ]
    assert all(one.at is not None for one in found)
    first = await _read(services, actor, run_id, 0)
    assert (first.values, first.added) == ({"query": "What is this?"}, ["query"])
    second = await _read(services, actor, run_id, 2)
    assert second.values["answer"] == "What is this?"
    assert (second.added, second.changed, second.removed) == (["answer"], [], [])


async def _check_refusals(
    services: Services, actor: Actor, other_actor: Actor, run_id: UUID, fork: Fork_
) -> None:
    with pytest.raises(Conflict, match="Nothing comes after step 3"):
        await fork(run_id, step=3)
    with pytest.raises(NotFound):
        await fork(run_id, step=9)
    for reading in (
        _steps(services, other_actor, run_id),
        _read(services, other_actor, run_id, 1),
    ):
        with pytest.raises(NotFound):
            await reading


async def _check_links(
    services: Services, actor: Actor, other_actor: Actor, last: RunView
) -> None:
    assert last.thread_id is not None
    async with services.db.read() as session:
        (link,) = await steps.list_checkpoints(session, actor, thread_id=last.thread_id)
        with pytest.raises(NotFound):
            await steps.list_checkpoints(session, other_actor, thread_id=last.thread_id)
    assert (link.run_id, link.agent_id, link.step) == (last.id, last.agent_id, 3)


async def test_history_of_a_fork_ends_where_its_origin_began(
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
    services: Services,
    worker: Fork,
    fork: Fork_,
) -> None:
    agent = await make_agent(actor, model="scripted/hello")
    first = await runs.wait((await runs.start(agent.id, "One?")).id)
    later = await runs.wait(
        (await runs.start(agent.id, "One?", thread_id=first.thread_id)).id
    )
    again = await runs.wait((await fork(first.id, step=1)).id)

    # The model was told as much as the first time, and less than with the turns since.
    assert again.tokens_in == first.tokens_in < later.tokens_in
    worker.stop()


async def test_fork_that_ended_before_its_first_step_is_resumed_with_its_own_question(
    runs: Runs, actor: Actor, make_agent: MakeAgent, services: Services, fork: Fork_
) -> None:
    agent = await make_agent(actor, model="scripted/echo")

    async def execute(run: RunView) -> RunView:
        shutdown = asyncio.Event()
        await executor.execute_run(services, run.id, worker="here", shutdown=shutdown)
        return await runs.get(run.id)

    async def resume(run_id: UUID) -> RunView:
        async with services.db.transaction() as session:
            return await service.resume_run(
                session, actor, run_id=run_id, parts=services
            )

    origin = await execute(await runs.start(agent.id))
    forked = await fork(origin.id, step=1, input={"query": "Who is it?"})
    await runs.stop(forked.id)
    resumed = await resume(forked.id)
    await runs.stop(resumed.id)
    run = await execute(await resume(resumed.id))

    assert run.output is not None
    assert run.output.answer == "Who is it?"
    assert (run.origin_id, run.origin_step) == (resumed.id, 1)


async def test_fork_whose_step_is_gone_fails_and_says_so(
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
    services: Services,
    worker: Fork,
    fork: Fork_,
) -> None:
    agent = await make_agent(actor)
    origin = await runs.wait((await runs.start(agent.id)).id)
    saver = await services.checkpoints.open()
    await saver.adelete_thread(engine_repository.saver_thread(origin.id, 1))

    run = await runs.wait((await fork(origin.id, step=1)).id)

    assert (run.status, run.error_code) == (RunStatus.FAILED, "STEP_NOT_KEPT")
    with pytest.raises(StepNotKept):
        await _read(services, actor, origin.id, 1)
    worker.stop()


@pytest.fixture
async def kept(services: Services, actor: Actor, rows: RowFactory) -> KeptSteps:
    """Runs with steps."""
    return KeptSteps(services, actor, rows)


async def test_old_and_surplus_steps_are_pruned_and_nothing_else(
    services: Services, actor: Actor, rows: RowFactory, kept: KeptSteps
) -> None:
    thread, other = [(await rows.thread(actor)).id for _ in range(2)]
    settings = services.settings.model_copy(update={"checkpoints_per_thread": 4})
    retention = Retention(services.db, services.checkpoints, settings)
    done = RunStatus.COMPLETED
    old = await kept.add(thread, done, days=8)
    old_failed = await kept.add(thread, RunStatus.FAILED, days=8)
    forked_from = await kept.add(other, done, days=8)
    surplus = await kept.add(thread, done)
    failed = await kept.add(thread, RunStatus.FAILED)
    waiting = await kept.add(thread, RunStatus.WAITING)
    newest = [await kept.add(thread, done) for _ in range(2)]
    queued = await kept.add(other, RunStatus.QUEUED, begins_at=forked_from)
    everything = {
        old,
        old_failed,
        forked_from,
        surplus,
        failed,
        waiting,
        *newest,
        queued,
    }

    would = await retention.prune(is_dry_run=True)
    assert (would.runs, would.steps) == (3, 6)
    assert await kept.left() == everything
    use = await retention.measure()
    assert use.rows == 2 * len(everything)
    assert would.bytes == use.bytes * 6 // use.rows

    done_now = await retention.prune()
    assert done_now == would.model_copy(update={"is_dry_run": False})
    assert await kept.left() == everything - {old, old_failed, surplus}
    assert (await retention.prune()).runs == 0
    assert (await retention.measure()).rows == 2 * (len(everything) - 3)


async def test_steps_go_with_their_run_and_with_their_conversation(
    services: Services,
    actor: Actor,
    rows: RowFactory,
    retention: Retention,
    kept: KeptSteps,
) -> None:
    thread, other = [(await rows.thread(actor)).id for _ in range(2)]
    of_thread = await kept.add(thread, RunStatus.FAILED)
    deleted, stays = [await kept.add(other, RunStatus.COMPLETED) for _ in range(2)]
    active = await kept.add(thread, RunStatus.RUNNING)
    async with services.db.transaction() as session:
        await threads.delete_thread(session, actor, thread_id=thread)
        await session.exec(delete(RunRow).where(col(RunRow.id) == deleted))

    assert await retention.sweep_gone() == 2
    assert await kept.left() == {stays, active}
    assert await _steps(services, actor, of_thread) == []
    async with services.db.transaction() as session:
        ended = {"status": RunStatus.STOPPED, "completed_at": clock.now()}
        await session.exec(update(RunRow).where(col(RunRow.id) == active).values(ended))
    assert await retention.sweep_gone() == 1
    assert await kept.left() == {stays}


async def test_absent_run_has_no_steps(services: Services, actor: Actor) -> None:
    with pytest.raises(NotFound):
        await _steps(services, actor, ids.new_id())


@pytest.mark.parametrize(
    ("level", "may"), [("run", False), ("edit", True)], ids=["runs it", "changes it"]
)
async def test_other_instructions_are_for_those_who_may_change_the_agent(
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    services: Services,
    level: str,
    may: bool,
) -> None:
    agent = await make_agent(actor)
    await rows.share(agent, other_actor, level)
    run = await rows.run(other_actor, agent=agent, status=RunStatus.FAILED, epoch=1)
    step = SavedStep(f"{run.id}:1", "0", 0, next_node="retrieve")
    async with services.db.transaction() as session:
        await engine_repository.add_steps(
            session, [step], run_id=run.id, owner_id=run.owner_id, epoch=1
        )

    async def fork(**values: Any) -> RunView:
        async with services.db.transaction() as session:
            return await steps.fork_run(
                session,
                other_actor,
                run_id=run.id,
                fork=RunFork.model_validate({"step": 0, **values}),
                parts=services,
            )

    if may:
        forked = await fork(instructions="Tell all.")
        assert await _instructions(services, forked.id) == "Tell all."
    else:
        with pytest.raises(Forbidden, match="not change it"):
            await fork(instructions="Tell all.")
    assert (await fork(input={"query": "Who?"})).origin_id == run.id
