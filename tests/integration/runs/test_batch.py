"""Many runs at once: all of them join the line, or none does."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from sqlmodel import func, select

from app.backend.agents import service as agents
from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.errors import Conflict, Invalid, NotFound, TooMany
from app.backend.core.run_events import RunStatus
from app.backend.runs import batch
from app.backend.runs import service as runs_service
from app.backend.runs.schemas import RunDraft, RunFilter, RunView
from app.backend.runs.tables import RunRow
from app.backend.threads import service as threads
from tests.factories.rows import MakeAgent
from tests.processes import Fork
from tests.runs import Runs


async def _start(
    services: Services, actor: Actor, agent_id: UUID, drafts: Sequence[RunDraft]
) -> list[RunView]:
    async with services.db.transaction() as session:
        return await batch.start_runs(
            session, actor, agent_id=agent_id, drafts=drafts, parts=services
        )


def _drafts(*questions: str) -> list[RunDraft]:
    return [
        RunDraft(input={"query": question}, trigger="api", tags=["night"])
        for question in questions
    ]


async def _count(services: Services) -> int:
    async with services.db.read() as session:
        return (await session.exec(select(func.count()).select_from(RunRow))).one()


async def test_each_run_of_a_batch_completes_in_a_conversation_of_its_own(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs, worker: Fork
) -> None:
    agent = await make_agent(actor)

    started = await _start(
        services, actor, agent.id, _drafts(" What is salt? ", "What is pepper?")
    )
    ended = [await runs.wait(run.id) for run in started]

    assert [run.status for run in ended] == [RunStatus.COMPLETED] * 2
    assert [run.input["query"] for run in ended] == ["What is salt?", "What is pepper?"]
    assert len({run.thread_id for run in ended}) == 2
    async with services.db.read() as session:
        for run in ended:
            assert run.thread_id is not None
            said = await threads.list_messages(session, actor, thread_id=run.thread_id)
            assert [message.role for message in said] == ["user", "assistant"]
        wanted = RunFilter(text="pepper", tags=["night"])
        found = await runs_service.list_runs(session, actor, wanted=wanted)
    assert [run.id for run in found.items] == [ended[1].id]
    for run in ended:
        events = await runs.events(run.id)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert events[0].type == "run_queued"


async def test_batch_that_does_not_fit_starts_nothing(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor)
    small = services.settings.model_copy(update={"runs_active_per_user_max": 2})
    narrow = replace(services, settings=small)

    with pytest.raises(TooMany):
        await _start(narrow, actor, agent.id, _drafts("One?", "Two?", "Three?"))
    before = await _count(services)
    await _start(narrow, actor, agent.id, _drafts("One?", "Two?"))

    assert (before, await _count(services)) == (0, 2)


async def test_error_in_a_batch_says_which_run_it_is(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor)

    with pytest.raises(Invalid, match=r"Run 2 of the batch: The question is empty"):
        await _start(services, actor, agent.id, _drafts("One?", " "))

    assert await _count(services) == 0


async def test_batch_that_is_sent_again_starts_nothing_twice(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor)
    drafts = [
        draft.model_copy(update={"request_id": ids.new_id()})
        for draft in _drafts("One?", "Two?")
    ]

    first = await _start(services, actor, agent.id, drafts[:1])
    both = await _start(services, actor, agent.id, drafts)
    again = await _start(services, actor, agent.id, drafts)

    async with services.db.transaction() as session:
        await agents.archive_agent(session, actor, agent_id=agent.id, is_archived=True)
    late = await _start(services, actor, agent.id, drafts)

    assert [run.id for run in again] == [run.id for run in both]
    assert [run.id for run in late] == [run.id for run in both]
    assert both[0].id == first[0].id
    assert await _count(services) == 2


async def test_batch_needs_an_agent_of_ones_own_that_is_in_use(
    services: Services, actor: Actor, other_actor: Actor, make_agent: MakeAgent
) -> None:
    theirs = await make_agent(other_actor)
    old = await make_agent(actor, archived_at=clock.now())

    with pytest.raises(NotFound):
        await _start(services, actor, theirs.id, _drafts("One?"))
    with pytest.raises(Conflict):
        await _start(services, actor, old.id, _drafts("One?"))
