"""Redis, the runtime or a worker dies while a run goes on: a clear end, a whole log, and the next run works."""

from typing import Any

import pytest

from app.backend.agents.schemas import AgentKind
from app.backend.agents.tables import AgentRow
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.files.tables import FileRow
from app.backend.knowledge.tables import ChunkRow, DocumentRow
from app.backend.runs import trees
from tests.factories.rows import MakeAgent, RowFactory
from tests.machine import Machine
from tests.parts import Part
from tests.runs import Runs, assert_log_is_whole

# Words for ten seconds: long enough for a part to die and come back.
TALKS = "scripted/rate-40"


@pytest.fixture
def runs(services: Services, actor: Actor) -> Runs:
    """The runs of the owner."""
    return Runs(services, actor)


async def test_redis_that_dies_and_comes_back_empty_costs_no_event(
    machine: Machine, runs: Runs, actor: Actor, make_agent: MakeAgent
) -> None:
    machine.start_worker()
    machine.start_scheduler()
    agent = await make_agent(actor, model=TALKS)
    run = await runs.start(agent.id)
    await runs.wait_for_event(run.id, "message_delta")

    machine.redis.kill()
    machine.redis.start()

    ended = await runs.wait(run.id)
    events = await runs.events(run.id)
    assert ended.status == RunStatus.COMPLETED, ended.error
    assert ended.output is not None
    assert await runs.answer(run.id) == ended.output.answer
    assert_log_is_whole(events)


async def test_run_that_is_asked_for_while_redis_is_away_starts_when_it_is_back(
    machine: Machine, runs: Runs, actor: Actor, make_agent: MakeAgent
) -> None:
    machine.start_worker()
    machine.start_scheduler()
    agent = await make_agent(actor, model="scripted/hello")
    warm = await runs.wait((await runs.start(agent.id)).id)
    assert warm.status == RunStatus.COMPLETED

    machine.redis.kill()
    run = await runs.start(agent.id)
    machine.redis.start()

    assert (await runs.wait(run.id)).status == RunStatus.COMPLETED


async def test_run_of_a_killed_worker_goes_on_with_the_next(
    machine: Machine, runs: Runs, actor: Actor, make_agent: MakeAgent
) -> None:
    worker = machine.start_worker()
    machine.start_scheduler()
    agent = await make_agent(actor, model=TALKS)
    run = await runs.start(agent.id)
    await runs.wait_for_event(run.id, "message_delta")

    worker.kill()
    machine.start_worker()

    ended = await runs.wait(run.id)
    assert (ended.status, ended.attempt) == (RunStatus.COMPLETED, 2)
    assert_log_is_whole(await runs.events(run.id))


async def test_worker_killed_while_a_child_works_costs_nothing_but_time(
    machine: Machine,
    services: Services,
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    asks = {"kind": AgentKind.TOOLS, "tools": ["run_agent"]}
    await make_agent(actor, name="helper", model="scripted/rate-15")
    agent = await make_agent(actor, model="scripted/delegates", **asks)
    worker = machine.start_worker()
    machine.start_scheduler()
    run = await runs.start(agent.id)
    waiting = await runs.wait(run.id, lambda run: run.waits_for_id is not None)
    assert waiting.waits_for_id is not None
    await runs.wait_for_event(waiting.waits_for_id, "message_delta")

    worker.kill()
    machine.start_worker()

    ended = await runs.wait(run.id)
    child = await runs.get(waiting.waits_for_id)
    assert ended.status == RunStatus.COMPLETED, ended.error
    assert (child.status, child.attempt, ended.attempt) == (RunStatus.COMPLETED, 2, 1)
    assert ended.output is not None
    assert child.output is not None
    assert ended.output.answer == f"They say: {child.output.answer}".strip()
    async with services.db.read() as session:
        tree = await trees.read_tree(session, actor, run_id=run.id)
    assert [node.id for node in tree.items] == [run.id, child.id]
    for one in (run.id, child.id):
        assert_log_is_whole(await runs.events(one))


async def test_run_whose_runtime_is_killed_ends_with_the_reason(
    machine: Machine, runs: Runs, actor: Actor, make_agent: MakeAgent
) -> None:
    machine.start_worker()
    runtime = machine.start_runtime()
    agent = await make_agent(actor, model="local/smollm2-135m", max_tokens=400)
    run = await runs.start(agent.id, "Write a long story about a ship.")
    await runs.wait_for_event(run.id, "message_delta")

    runtime.kill()

    ended = await runs.wait(run.id)
    assert ended.status == RunStatus.FAILED
    assert ended.error.endswith(".")
    assert "model" in ended.error.lower() or "runtime" in ended.error.lower()
    assert_log_is_whole(await runs.events(run.id))
    machine.start_runtime()
    again = await runs.start(agent.id, "Say hello.")
    assert (await runs.wait(again.id)).status == RunStatus.COMPLETED


async def test_run_without_any_runtime_ends_with_what_to_do(
    machine: Machine, runs: Runs, actor: Actor, make_agent: MakeAgent
) -> None:
    machine.start_worker()
    agent = await make_agent(actor, model="local/smollm2-135m")

    # A runtime that is being started again is waited for, up to half a minute.
    ended = await runs.wait((await runs.start(agent.id)).id, seconds=50)

    assert ended.status == RunStatus.FAILED
    assert "runtime" in ended.error.lower()


async def test_run_whose_index_is_killed_ends_with_what_to_do_and_works_again_after(
    machine: Machine,
    chroma: tuple[Part, str],
    runs: Runs,
    rows: RowFactory,
    actor: Actor,
) -> None:
    machine.start_worker()
    machine.start_runtime()
    agent = await _agent_with_a_passage(rows, actor)
    chroma[0].kill()

    ended = await runs.wait((await runs.start(agent.id)).id)

    assert ended.status == RunStatus.FAILED
    assert "Chroma" in ended.error
    assert_log_is_whole(await runs.events(ended.id))
    chroma[0].start()
    assert (
        await runs.wait((await runs.start(agent.id)).id)
    ).status == RunStatus.COMPLETED


async def _agent_with_a_passage(rows: RowFactory, owner: Actor) -> AgentRow:
    collection = await rows.collection(owner)
    text = "The ship sailed at noon."
    shared: dict[str, Any] = {
        "owner_id": owner.user_id,
        "name": "log.txt",
        "media_type": "text/plain",
        "size": len(text),
        "sha256": "0" * 64,
    }
    file = await rows.add(FileRow(**shared, object_key="log"))
    document = await rows.add(
        DocumentRow(
            **shared,
            collection_id=collection.id,
            file_id=file.id,
            status="ready",
        )
    )
    await rows.add(
        ChunkRow(
            owner_id=owner.user_id,
            collection_id=collection.id,
            document_id=document.id,
            ordinal=1,
            text=text,
            start=0,
            end=len(text),
        )
    )
    return await rows.agent(
        owner, model="scripted/hello", collection_ids=[collection.id]
    )
