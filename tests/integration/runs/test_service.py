"""What people can do with runs; no worker takes them here."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from rq import Queue

from app.backend.agents import service as agents
from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.errors import Conflict, Invalid, NotFound, TooMany
from app.backend.core.jobs import QueueName
from app.backend.core.redis import connect_blocking
from app.backend.core.run_events import Level, RunStatus
from app.backend.runs import service
from app.backend.runs.counting import count_events
from app.backend.runs.schemas import EventFilter, RunDraft, RunFilter, RunView
from app.backend.threads import service as threads
from tests.factories.rows import MakeAgent, MakeRun, MakeThread
from tests.runs import Runs, assert_log_is_whole

ASKED = RunDraft(input={"query": " What is this? ", "language": "en"})


async def _start(
    services: Services,
    actor: Actor,
    agent_id: object,
    draft: RunDraft = ASKED,
    *,
    active_max: int = 1000,
) -> RunView:
    limits = services.settings.model_copy(update={"runs_active_max": active_max})
    async with services.db.transaction() as session:
        return await service.start_run(
            session,
            actor,
            agent_id=agent_id,  # pyright: ignore[reportArgumentType] - some are wrong on purpose
            draft=draft,
            parts=replace(services, settings=limits),
        )


def _queued(services: Services) -> list[str]:
    with connect_blocking(services.settings.redis_url) as redis:
        return Queue(QueueName.RUNS, connection=redis).job_ids


async def test_start_writes_run_event_thread_message_and_job(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs
) -> None:
    agent = await make_agent(actor)

    run = await _start(services, actor, agent.id)

    assert run.input == {"query": "What is this?", "language": "en"}
    (queued,) = await runs.events(run.id)
    assert (queued.seq, queued.type, queued.payload["input"]) == (
        1,
        "run_queued",
        run.input,
    )
    assert run.thread_id is not None
    async with services.db.read() as session:
        thread = await threads.get_thread(session, actor, thread_id=run.thread_id)
        messages = await threads.list_messages(session, actor, thread_id=thread.id)
    assert thread.title == "What is this?"
    assert [message.content for message in messages] == ["What is this?"]
    assert _queued(services) == [f"run-{run.id}-1"]


@pytest.mark.parametrize("is_at_once", [True, False], ids=["at once", "one by one"])
async def test_double_click_is_one_run(
    services: Services, actor: Actor, make_agent: MakeAgent, is_at_once: bool
) -> None:
    agent = await make_agent(actor)
    draft = ASKED.model_copy(update={"request_id": uuid4()})

    if is_at_once:
        started = await asyncio.gather(
            *(_start(services, actor, agent.id, draft) for _ in range(5))
        )
    else:
        started = [await _start(services, actor, agent.id, draft) for _ in range(2)]

    assert len({run.id for run in started}) == 1
    assert len(_queued(services)) == 1


async def test_request_ids_of_two_people_do_not_meet(
    services: Services, actor: Actor, other_actor: Actor, make_agent: MakeAgent
) -> None:
    draft = ASKED.model_copy(update={"request_id": uuid4()})

    first = await _start(services, actor, (await make_agent(actor)).id, draft)
    second = await _start(
        services, other_actor, (await make_agent(other_actor)).id, draft
    )

    assert first.id != second.id


async def test_what_belongs_to_others_is_not_found(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    make_thread: MakeThread,
    make_run: MakeRun,
) -> None:
    foreign = await make_agent(other_actor)
    run = await make_run(other_actor)
    draft = ASKED.model_copy(update={"thread_id": (await make_thread(other_actor)).id})
    nowhere = ASKED.model_copy(update={"thread_id": uuid4()})

    with pytest.raises(NotFound):
        await _start(services, actor, foreign.id)
    with pytest.raises(NotFound):
        await _start(services, actor, uuid4())
    with pytest.raises(NotFound):
        await _start(services, actor, (await make_agent(actor)).id, draft)
    with pytest.raises(NotFound):
        await _start(services, actor, (await make_agent(actor)).id, nowhere)
    async with services.db.transaction() as session:
        for ask in (
            service.get_run(session, actor, run_id=run.id),
            service.stop_run(session, actor, run_id=run.id, parts=services),
            service.retry_run(session, actor, run_id=run.id, parts=services),
            service.list_events(session, actor, run_id=run.id, filter=EventFilter()),
            count_events(session, actor, run_id=run.id),
        ):
            with pytest.raises(NotFound):
                await ask


async def test_refused_start_leaves_nothing(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor)
    archived = await make_agent(actor, archived_at=clock.now())

    with pytest.raises(Invalid):
        await _start(services, actor, agent.id, RunDraft(input={"query": ""}))
    with pytest.raises(Conflict):
        await _start(services, actor, archived.id)

    async with services.db.read() as session:
        assert (await service.list_runs(session, actor)).items == []
        assert (await threads.list_threads(session, actor)).items == []
    assert _queued(services) == []


async def test_too_many_active_runs_of_all_users_are_refused(
    services: Services, actor: Actor, other_actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor)
    theirs = await make_agent(other_actor)
    await _start(services, other_actor, theirs.id)

    with pytest.raises(TooMany):
        await _start(services, actor, agent.id, active_max=1)


async def test_starts_at_the_same_moment_do_not_pass_the_limit(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor)
    starts = (_start(services, actor, agent.id, active_max=3) for _ in range(8))

    ends = await asyncio.gather(*starts, return_exceptions=True)

    refused = [type(end) for end in ends if isinstance(end, Exception)]
    assert refused == [TooMany] * 5
    assert len(_queued(services)) == 3


async def test_stop_of_a_queued_run_ends_it_at_once(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs
) -> None:
    run = await _start(services, actor, (await make_agent(actor)).id)

    stopped = await runs.stop(run.id)
    again = await runs.stop(run.id)

    assert stopped.status == again.status == RunStatus.STOPPED
    events = await runs.events(run.id)
    assert [event.type for event in events] == ["run_queued", "run_stopped"]
    assert_log_is_whole(events)


async def test_retry_makes_a_new_run_in_the_same_conversation(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs
) -> None:
    run = await _start(services, actor, (await make_agent(actor)).id)
    async with services.db.transaction() as session:
        with pytest.raises(Conflict):
            await service.retry_run(session, actor, run_id=run.id, parts=services)
    await runs.stop(run.id)

    async with services.db.transaction() as session:
        again = await service.retry_run(session, actor, run_id=run.id, parts=services)

    assert again.id != run.id
    assert (again.input, again.thread_id) == (run.input, run.thread_id)
    assert again.status == RunStatus.QUEUED


async def test_deleted_agent_leaves_its_runs(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs
) -> None:
    agent = await make_agent(actor, name="Gone")
    run = await _start(services, actor, agent.id)
    await runs.stop(run.id)

    async with services.db.transaction() as session:
        await agents.delete_agent(session, actor, agent_id=agent.id)

    kept = await runs.get(run.id)
    assert (kept.agent_id, kept.agent_name) == (None, "Gone")
    async with services.db.transaction() as session:
        with pytest.raises(Conflict, match="deleted"):
            await service.retry_run(session, actor, run_id=run.id, parts=services)


async def test_lists_page_by_cursor_and_filter(
    services: Services, actor: Actor, make_agent: MakeAgent, make_run: MakeRun
) -> None:
    agent = await make_agent(actor)
    made = [
        await make_run(
            actor,
            agent=agent,
            status=RunStatus.FAILED if n % 2 else RunStatus.COMPLETED,
        )
        for n in range(5)
    ]

    async with services.db.read() as session:
        first = await service.list_runs(
            session, actor, wanted=RunFilter(agent_id=agent.id), limit=3
        )
        rest = await service.list_runs(
            session,
            actor,
            wanted=RunFilter(agent_id=agent.id),
            limit=3,
            cursor=first.next_cursor,
        )
        failed = await service.list_runs(
            session, actor, wanted=RunFilter(statuses=[RunStatus.FAILED])
        )
        counts = await service.count_today(
            session, actor, [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.STOPPED]
        )
        view = await agents.get_agent(session, actor, agent_id=agent.id)
        (with_last,) = await service.with_last_run(session, actor, [view])

    assert [run.id for run in [*first.items, *rest.items]] == [
        row.id for row in reversed(made)
    ]
    assert rest.next_cursor is None
    assert len(failed.items) == 2
    assert counts == {RunStatus.COMPLETED: 3, RunStatus.FAILED: 2}
    assert with_last.last_run_status == RunStatus.COMPLETED
    assert with_last.last_run_at == made[-1].created_at


async def test_events_are_read_by_stretch_type_level_and_text(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs
) -> None:
    draft = RunDraft(input={"query": 'Ünïcode & 100 % "quotes"?'})
    run = await _start(services, actor, (await make_agent(actor)).id, draft)
    await runs.stop(run.id)

    async def find(**wanted: object) -> list[int]:
        async with services.db.read() as session:
            page = await service.list_events(
                session,
                actor,
                run_id=run.id,
                filter=EventFilter.model_validate(wanted),
            )
        return [event.seq for event in page.items]

    assert await find() == [1, 2]
    assert await find(after=1) == [2]
    assert await find(before=2) == [1]
    assert await find(limit=1) == [2]
    assert await find(types=["run_queued"]) == [1]
    assert await find(level=Level.WARNING) == [2]
    assert await find(text="nïcode & 100 %") == [1]
    assert await find(text='"QUOTES"') == [1]
    assert await find(text="100_%") == []
