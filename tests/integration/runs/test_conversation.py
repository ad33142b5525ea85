"""What runs of one conversation do to each other; the test itself is the worker."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from rq import Queue

from app.backend.agents.tables import AgentRow
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
from app.backend.runs import claiming, service
from app.backend.runs.claiming import claim_next, prepare_run
from app.backend.runs.ending import finish_run, put_back
from app.backend.runs.schemas import RunDraft, RunView
from app.backend.runs.tables import RunRow
from app.backend.runs.upkeep import make_recovery
from app.backend.threads import service as threads
from tests.factories.rows import MakeAgent
from tests.runs import Runs, assert_log_is_whole


@dataclass
class Talk:
    """A person who asks one agent; runs are taken and ended as a test says."""

    services: Services
    actor: Actor
    make_agent: MakeAgent
    runs: Runs
    agent: AgentRow = field(init=False)

    async def ask(self, *questions: str, **agent: Any) -> list[RunView]:
        """Make an agent and ask it in one conversation."""
        self.agent = await self.make_agent(self.actor, **agent)
        first = await self.runs.start(self.agent.id, questions[0])
        return [first, *[await self.go_on(first, text) for text in questions[1:]]]

    async def go_on(self, run: RunView, question: str) -> RunView:
        """Ask in the conversation of `run`."""
        return await self.runs.start(self.agent.id, question, thread_id=run.thread_id)

    async def take(self) -> RunRow:
        """Take the run that is next in line."""
        taken = await claim_next(self.services, worker="test")
        assert taken is not None
        return taken[0]

    async def finish(
        self, row: RunRow, answer: str = "Yes.", *, event: TerminalEvent | None = None
    ) -> str:
        """End a run; returns as what it ended."""
        completed = RunCompleted(output=RunOutput(answer=answer), milliseconds=1)
        async with self.services.db.transaction() as session:
            ended = await finish_run(
                session,
                row,
                event or completed,
                parts=self.services,
                epoch=row.epoch,
                answer_as=self.actor,
            )
        assert ended is not None
        return ended[0].status

    async def said(self, run: RunView) -> list[str]:
        """Return what was said in the conversation of `run`."""
        assert run.thread_id is not None
        async with self.services.db.read() as session:
            found = await threads.list_messages(
                session, self.actor, thread_id=run.thread_id
            )
        sequences = [message.sequence for message in found]
        assert sequences == sorted(sequences)
        return [message.content for message in found]

    async def is_held(self, run: RunView) -> bool:
        """Tell whether a run waits for the one before it."""
        return (await self.runs.get(run.id)).is_held


@pytest.fixture
def talk(services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs) -> Talk:
    """A conversation of the owner."""
    return Talk(services, actor, make_agent, runs)


def _jobs(services: Services) -> list[str]:
    with connect_blocking(services.settings.redis_url) as redis:
        return Queue(QueueName.RUNS, connection=redis).job_ids


async def test_enqueue_starts_the_next_run_with_the_end_of_the_one_before(
    talk: Talk, services: Services
) -> None:
    first, second, third = await talk.ask("One?", "Two?", "Three?")

    assert (first.is_held, second.is_held, third.is_held) == (False, True, True)
    assert _jobs(services) == [f"run-{first.id}-1"]
    waits = (await talk.runs.events(third.id))[-1]
    assert (waits.type, waits.payload["position"]) == ("queue_position", 2)

    row = await talk.take()
    assert await claim_next(services, worker="idle") is None
    await talk.finish(row, "First.")
    assert _jobs(services) == [f"run-{first.id}-1", f"run-{second.id}-1"]
    assert await talk.is_held(third)

    row = await talk.take()
    claim = await prepare_run(services, row)
    assert row.id == second.id
    assert claim is not None
    assert [turn.answer for turn in claim.task.history] == ["First."]
    await talk.finish(row, "Second.")
    assert await talk.said(first) == ["One?", "First.", "Two?", "Second.", "Three?"]
    assert not await talk.is_held(third)
    assert_log_is_whole(await talk.runs.events(second.id))


async def test_questions_that_are_held_take_no_place_in_the_history(
    talk: Talk, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "HISTORY_MESSAGES", 4)
    (first,) = await talk.ask("Zero?")
    await talk.finish(await talk.take(), "Zero.")
    for question in ("One?", "Two?", "Three?", "Four?"):
        await talk.go_on(first, question)

    claim = await prepare_run(services, await talk.take())

    assert claim is not None
    assert claim.task.query == "One?"
    assert [turn.answer for turn in claim.task.history] == ["Zero."]


async def test_held_run_begins_when_the_one_before_is_stopped_or_fails_or_is_lost(
    talk: Talk, services: Services
) -> None:
    first, *held = await talk.ask("One?", "0?", "1?", "2?")

    await talk.runs.stop(held[0].id)
    assert await talk.is_held(held[1])
    await talk.runs.stop(first.id)
    assert not await talk.is_held(held[1])
    assert await talk.is_held(held[2])

    # A run that goes back into line keeps the others waiting.
    row = await talk.take()
    async with services.db.transaction() as session:
        await put_back(session, row, parts=services)
    assert await talk.is_held(held[2])
    assert (await talk.take()).id == held[1].id


async def test_sweep_releases_what_was_forgotten(
    talk: Talk, services: Services, actor: Actor
) -> None:
    kept, waits = await talk.ask("A?", "B?")
    gone, lost = await talk.ask("One?", "Two?")
    assert gone.thread_id is not None
    async with services.db.transaction() as session:
        await threads.delete_thread(session, actor, thread_id=gone.thread_id)

    assert await make_recovery(services).release_held() == 1
    assert await make_recovery(services).release_held() == 0

    assert not await talk.is_held(kept)
    assert not await talk.is_held(lost)
    assert await talk.is_held(waits)


async def test_reject_refuses_and_leaves_nothing(talk: Talk) -> None:
    (first,) = await talk.ask("One?", concurrency="reject")

    with pytest.raises(Conflict, match="Wait for the answer, or stop it"):
        await talk.go_on(first, "Two?")

    assert await talk.said(first) == ["One?"]
    await talk.runs.stop(first.id)
    assert not (await talk.go_on(first, "Two?")).is_held


async def test_interrupt_stops_the_others_and_keeps_what_they_said(
    talk: Talk,
) -> None:
    (first,) = await talk.ask("One?", concurrency="interrupt")
    row = await talk.take()

    second = await talk.go_on(first, "Two?")
    assert second.is_held
    # The worker finished at that very moment; the stop was asked for before.
    assert await talk.finish(row, "Half of it") == RunStatus.STOPPED

    stopped = await talk.runs.get(first.id)
    assert stopped.output is not None
    assert stopped.output.answer == "Half of it"
    assert await talk.said(first) == ["One?", "Half of it", "Two?"]
    assert (await talk.take()).id == second.id


async def test_rollback_makes_as_if_the_one_before_had_not_been_asked(
    talk: Talk, services: Services
) -> None:
    (answered,) = await talk.ask("Zero?", concurrency="rollback")
    await talk.finish(await talk.take(), "Zero.")
    first = await talk.go_on(answered, "One?")
    row = await talk.take()

    second = await talk.go_on(answered, "Two?")
    third = await talk.go_on(answered, "Three?")
    await talk.finish(row, "Half of it")

    assert await talk.said(answered) == ["Zero?", "Zero.", "Three?"]
    for taken_back in (first, second):
        run = await talk.runs.get(taken_back.id)
        assert (run.status, run.is_taken_back) == (RunStatus.STOPPED, True)
    claim = await prepare_run(services, await talk.take())
    assert claim is not None
    assert claim.row.id == third.id
    assert [turn.question for turn in claim.task.history] == ["Zero?"]


@pytest.mark.parametrize("policy", ["enqueue", "reject", "interrupt", "rollback"])
async def test_starts_at_the_same_moment_are_one_at_a_time(
    talk: Talk, policy: str
) -> None:
    (first,) = await talk.ask("Zero?", concurrency=policy)
    await talk.runs.stop(first.id)

    ends = await asyncio.gather(
        *(talk.go_on(first, f"{n}?") for n in range(6)), return_exceptions=True
    )

    started = [end for end in ends if isinstance(end, RunView)]
    refused = [type(end) for end in ends if not isinstance(end, RunView)]
    now = [await talk.runs.get(run.id) for run in started]
    in_line = [run for run in now if run.status == RunStatus.QUEUED and not run.is_held]
    assert len(in_line) == 1
    assert refused == ([Conflict] * 5 if policy == "reject" else [])
    held = [run for run in now if run.is_held]
    assert len(held) == (5 if policy == "enqueue" else 0)


async def test_end_and_start_at_the_same_moment_leave_nobody_waiting(
    talk: Talk,
) -> None:
    (first,) = await talk.ask("Zero?")
    for n in range(8):
        row = await talk.take()
        _, run = await asyncio.gather(talk.finish(row), talk.go_on(first, f"{n}?"))
        assert not await talk.is_held(run)


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
    assert "you may have (2)" in refused[0]
    assert (await start(other_actor, theirs.id)).status == RunStatus.QUEUED
