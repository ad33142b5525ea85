"""What runs of one conversation do to each other; the test itself is the worker."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from rq import Queue

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.errors import Conflict
from app.backend.core.jobs import QueueName
from app.backend.core.redis import connect_blocking
from app.backend.core.run_events import (
    RunCompleted,
    RunOutput,
    RunStatus,
    TerminalEvent,
)
from app.backend.runs import service
from app.backend.runs.claiming import claim_next, prepare_run
from app.backend.runs.ending import finish_run, put_back
from app.backend.runs.recovery import RunRecovery
from app.backend.runs.schemas import RunDraft, RunView
from app.backend.runs.tables import RunRow
from app.backend.runs.upkeep import make_recovery
from app.backend.threads import service as threads
from tests.factories.rows import MakeAgent
from tests.runs import Runs, assert_log_is_whole


class Worker:
    """Takes runs and ends them as one is told to."""

    def __init__(self, services: Services, actor: Actor) -> None:
        self._services, self._actor = services, actor

    async def take(self) -> RunRow:
        row = await claim_next(self._services, worker="test")
        assert row is not None
        return row

    async def finish(
        self, row: RunRow, answer: str = "Yes.", *, event: TerminalEvent | None = None
    ) -> str:
        completed = RunCompleted(output=RunOutput(answer=answer), milliseconds=1)
        async with self._services.db.transaction() as session:
            ended = await finish_run(
                session,
                row,
                event or completed,
                parts=self._services,
                epoch=row.epoch,
                answer_as=self._actor,
            )
        assert ended is not None
        return ended[0].status


@pytest.fixture
def test_worker(services: Services, actor: Actor) -> Worker:
    return Worker(services, actor)


def _jobs(services: Services) -> list[str]:
    with connect_blocking(services.settings.redis_url) as redis:
        return Queue(QueueName.RUNS, connection=redis).job_ids


async def _said(services: Services, actor: Actor, thread_id: UUID | None) -> list[str]:
    assert thread_id is not None
    async with services.db.read() as session:
        found = await threads.list_messages(session, actor, thread_id=thread_id)
    assert [message.sequence for message in found] == sorted(
        message.sequence for message in found
    )
    return [message.content for message in found]


def _recovery(services: Services) -> RunRecovery:
    return make_recovery(services)


async def test_enqueue_starts_the_next_run_with_the_end_of_the_one_before(
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
    test_worker: Worker,
) -> None:
    agent = await make_agent(actor)
    first = await runs.start(agent.id, "One?")
    second = await runs.start(agent.id, "Two?", thread_id=first.thread_id)
    third = await runs.start(agent.id, "Three?", thread_id=first.thread_id)

    assert (first.is_held, second.is_held, third.is_held) == (False, True, True)
    assert _jobs(services) == [f"run-{first.id}-1"]
    waits = (await runs.events(third.id))[-1]
    assert (waits.type, waits.payload["position"]) == ("queue_position", 2)

    row = await test_worker.take()
    assert await claim_next(services, worker="idle") is None
    await test_worker.finish(row, "First.")
    assert _jobs(services) == [f"run-{first.id}-1", f"run-{second.id}-1"]
    assert (await runs.get(third.id)).is_held

    row = await test_worker.take()
    claim = await prepare_run(services, row)
    assert row.id == second.id
    assert claim is not None
    assert [turn.answer for turn in claim.task.history] == ["First."]
    await test_worker.finish(row, "Second.")
    assert await _said(services, actor, first.thread_id) == [
        "One?",
        "First.",
        "Two?",
        "Second.",
        "Three?",
    ]
    assert not (await runs.get(third.id)).is_held
    assert_log_is_whole(await runs.events(second.id))


async def test_held_run_begins_when_the_one_before_is_stopped_or_fails_or_is_lost(
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
    test_worker: Worker,
) -> None:
    agent = await make_agent(actor)
    first = await runs.start(agent.id, "One?")
    held = [
        await runs.start(agent.id, f"{n}?", thread_id=first.thread_id) for n in range(3)
    ]

    await runs.stop(held[0].id)
    assert (await runs.get(held[1].id)).is_held
    await runs.stop(first.id)
    assert not (await runs.get(held[1].id)).is_held
    assert (await runs.get(held[2].id)).is_held

    # A run that goes back into line keeps the others waiting.
    row = await test_worker.take()
    async with services.db.transaction() as session:
        await put_back(session, row, parts=services)
    assert (await runs.get(held[2].id)).is_held
    assert (await test_worker.take()).id == held[1].id


async def test_sweep_releases_what_was_forgotten(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs
) -> None:
    agent = await make_agent(actor)
    gone, kept = await runs.start(agent.id, "One?"), await runs.start(agent.id, "A?")
    lost = await runs.start(agent.id, "Two?", thread_id=gone.thread_id)
    waits = await runs.start(agent.id, "B?", thread_id=kept.thread_id)
    assert gone.thread_id is not None
    async with services.db.transaction() as session:
        await threads.delete_thread(session, actor, thread_id=gone.thread_id)

    assert await _recovery(services).release_held() == 1
    assert await _recovery(services).release_held() == 0

    assert not (await runs.get(lost.id)).is_held
    assert (await runs.get(waits.id)).is_held


async def test_reject_refuses_and_leaves_nothing(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs
) -> None:
    agent = await make_agent(actor, concurrency="reject")
    first = await runs.start(agent.id, "One?")

    with pytest.raises(Conflict, match="Wait for the answer, or stop it"):
        await runs.start(agent.id, "Two?", thread_id=first.thread_id)

    assert await _said(services, actor, first.thread_id) == ["One?"]
    await runs.stop(first.id)
    again = await runs.start(agent.id, "Two?", thread_id=first.thread_id)
    assert not again.is_held


async def test_interrupt_stops_the_others_and_keeps_what_they_said(
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
    test_worker: Worker,
) -> None:
    agent = await make_agent(actor, concurrency="interrupt")
    first = await runs.start(agent.id, "One?")
    row = await test_worker.take()

    second = await runs.start(agent.id, "Two?", thread_id=first.thread_id)
    assert second.is_held
    # The worker finished at that very moment; the stop was asked for before.
    assert await test_worker.finish(row, "Half of it") == RunStatus.STOPPED

    stopped = await runs.get(first.id)
    assert stopped.output is not None
    assert stopped.output.answer == "Half of it"
    assert await _said(services, actor, first.thread_id) == [
        "One?",
        "Half of it",
        "Two?",
    ]
    assert (await test_worker.take()).id == second.id


async def test_rollback_makes_as_if_the_one_before_had_not_been_asked(
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
    test_worker: Worker,
) -> None:
    agent = await make_agent(actor, concurrency="rollback")
    answered = await runs.start(agent.id, "Zero?")
    await test_worker.finish(await test_worker.take(), "Zero.")
    first = await runs.start(agent.id, "One?", thread_id=answered.thread_id)
    row = await test_worker.take()

    second = await runs.start(agent.id, "Two?", thread_id=answered.thread_id)
    third = await runs.start(agent.id, "Three?", thread_id=answered.thread_id)
    await test_worker.finish(row, "Half of it")

    assert await _said(services, actor, answered.thread_id) == [
        "Zero?",
        "Zero.",
        "Three?",
    ]
    for run_id in (first.id, second.id):
        run = await runs.get(run_id)
        assert (run.status, run.is_taken_back) == (RunStatus.STOPPED, True)
    claim = await prepare_run(services, await test_worker.take())
    assert claim is not None
    assert claim.row.id == third.id
    assert [turn.question for turn in claim.task.history] == ["Zero?"]


@pytest.mark.parametrize("policy", ["enqueue", "reject", "interrupt", "rollback"])
async def test_starts_at_the_same_moment_are_one_at_a_time(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs, policy: str
) -> None:
    agent = await make_agent(actor, concurrency=policy)
    first = await runs.start(agent.id, "Zero?")
    await runs.stop(first.id)

    ends = await asyncio.gather(
        *(runs.start(agent.id, f"{n}?", thread_id=first.thread_id) for n in range(6)),
        return_exceptions=True,
    )

    started = [end for end in ends if isinstance(end, RunView)]
    refused = [type(end) for end in ends if not isinstance(end, RunView)]
    now = [await runs.get(run.id) for run in started]
    in_line = [run for run in now if run.status == RunStatus.QUEUED and not run.is_held]
    assert len(in_line) == 1
    assert refused == ([Conflict] * 5 if policy == "reject" else [])
    held = [run for run in now if run.is_held]
    assert len(held) == (5 if policy == "enqueue" else 0)


async def test_end_and_start_at_the_same_moment_leave_nobody_waiting(
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
    test_worker: Worker,
) -> None:
    agent = await make_agent(actor)
    first = await runs.start(agent.id, "Zero?")
    for n in range(8):
        row = await test_worker.take()
        _, run = await asyncio.gather(
            test_worker.finish(row),
            runs.start(agent.id, f"{n}?", thread_id=first.thread_id),
        )
        assert not (await runs.get(run.id)).is_held


async def test_double_click_does_not_interrupt_itself(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs
) -> None:
    agent = await make_agent(actor, concurrency="interrupt")
    thread_id = (await runs.start(agent.id)).thread_id
    draft = RunDraft(input={"query": "Two?"}, thread_id=thread_id, request_id=uuid4())

    async def click() -> RunView:
        async with services.db.transaction() as session:
            return await service.start_run(
                session, actor, agent_id=agent.id, draft=draft, parts=services
            )

    clicks = await asyncio.gather(click(), click(), click())

    assert len({run.id for run in clicks}) == 1
    assert (await runs.get(clicks[0].id)).status == RunStatus.QUEUED


async def test_caps_count_what_needs_a_worker(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
) -> None:
    limits = services.settings.model_copy(update={"runs_active_per_user_max": 2})
    parts = replace(services, settings=limits)
    mine, theirs = await make_agent(actor), await make_agent(other_actor)

    async def start(who: Actor, agent_id: UUID) -> RunView:
        async with services.db.transaction() as session:
            draft = RunDraft(input={"query": "What?"})
            return await service.start_run(
                session, who, agent_id=agent_id, draft=draft, parts=parts
            )

    ends = await asyncio.gather(
        *(start(actor, mine.id) for _ in range(4)), return_exceptions=True
    )
    refused = [str(end) for end in ends if isinstance(end, Exception)]

    assert len(refused) == 2
    assert "one user may have (2)" in refused[0]
    assert (await start(other_actor, theirs.id)).status == RunStatus.QUEUED
