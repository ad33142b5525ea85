"""An agent asks another one: a run below its own, once, and both end right whatever happens to either."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from app.backend import bootstrap
from app.backend.core import clock
from app.backend.core.errors import Conflict
from app.backend.core.fault_points import FaultPoint
from app.backend.core.run_events import (
    RunCompleted,
    RunOutput,
    RunStatus,
)
from app.backend.identity import tiers
from app.backend.identity.tier_schemas import Limits, PersonLimitsDraft
from app.backend.knowledge import uploads
from app.backend.runs import service, trees
from app.backend.runs.ending import finish_run
from app.backend.runs.errors import DayUsedUp
from app.backend.runs.schemas import RunFilter
from app.backend.runs.tables import RunRow
from tests.factories.rows import RowFactory
from tests.integration.tools.children import (
    ASK,
    ask,
    child_of,
    children,
    helper,
    kinds,
    work_through,
)
from tests.integration.tools.conftest import WITHOUT_END, Desk, script

STOP_SECONDS = 1.0
SLOW = "scripted/rate-40"


async def test_agent_asks_another_waits_without_a_worker_and_uses_its_answer(
    desk: Desk,
) -> None:
    await helper(desk)

    run = await desk.run(ASK, "They say: {told}")

    child = await child_of(desk, run)
    assert (run.question, run.attempt) == (None, 0)
    async with desk.services.db.read() as session:
        row = await session.get(RunRow, run.id)
    assert row is not None
    assert (row.lease_until, row.worker) == (None, "")
    assert (child.status, child.trigger, child.thread_id) == ("queued", "run", None)
    assert (child.parent_id, child.root_id, child.depth) == (run.id, run.id, 1)
    assert (run.parent_id, run.root_id, run.depth) == (None, run.id, 0)
    assert child.correlation_id == run.correlation_id
    assert child.input == {"query": "What is it?"}

    done = await desk.work(child.id)
    assert done.status == RunStatus.COMPLETED, done.error
    queued = await desk.runs.get(run.id)
    assert (queued.status, queued.waits_for_id) == (RunStatus.QUEUED, None)
    run = await desk.work(run.id)

    assert run.status == RunStatus.COMPLETED, run.error
    assert (run.attempt, run.output and run.output.answer) == (
        1,
        "They say: Forty-two.",
    )
    found = await kinds(desk, run.id)
    for kind in ("tool_called", "tool_returned", "child_started", "child_completed"):
        assert found.count(kind) == 1, kind
    events = {event.type: event.payload for event in await desk.runs.events(run.id)}
    assert events["child_started"]["run_id"] == str(child.id)
    assert events["child_started"]["agent_name"] == "Helper"
    assert events["child_completed"]["status"] == "completed"
    assert events["child_completed"]["tokens_out"] == done.tokens_out
    assert (await kinds(desk, child.id))[0] == "run_queued"


async def test_run_that_goes_on_after_a_child_is_at_work_again(desk: Desk) -> None:
    await helper(desk)
    run = await work_through(desk, await desk.start(ASK, "{told}"))

    events = await desk.runs.events(run.id)
    stages = [one.payload["stage"] for one in events if one.type == "stage_changed"]

    assert stages == [*["started", "initializing", "generating"] * 2, "completed"]


async def test_run_that_waits_for_another_does_not_need_a_person(desk: Desk) -> None:
    await helper(desk)
    asks = await desk.run(("ask_person", {"question": "Which?"}), "{told}")
    waits = await desk.run(ASK, "{told}")
    with pytest.raises(Conflict, match="waits for another run"):
        await desk.answer(waits.id, text="Red")

    async with desk.services.db.read() as session:
        found = [
            await service.list_runs(
                session,
                desk.actor,
                wanted=RunFilter(statuses=[RunStatus.WAITING], waits_for_run=is_so),
            )
            for is_so in (True, False, None)
        ]

    assert [[one.id for one in page.items] for page in found] == [
        [waits.id],
        [asks.id],
        [waits.id, asks.id],
    ]


@pytest.mark.parametrize(
    ("turns", "model", "status", "words"),
    [
        ([], "scripted/cut", RunStatus.FAILED, "Helper failed: The script says"),
        (WITHOUT_END, "", RunStatus.TIMED_OUT, "Helper reached a limit:"),
        ([""], "", RunStatus.COMPLETED, "Helper gave no answer."),
    ],
)
async def test_child_without_an_answer_is_told_to_the_model(
    desk: Desk, turns: list[Any], model: str, status: RunStatus, words: str
) -> None:
    await helper(desk, *turns, model=model)
    run = await desk.run(ASK, "{told}")
    child = await child_of(desk, run)

    done = await work_through(desk, run.id)

    assert (await desk.runs.get(child.id)).status == status
    assert done.status == RunStatus.COMPLETED, done.error
    (returned,) = await desk.returned(run.id)
    assert returned["is_error"] == (status != RunStatus.COMPLETED)
    assert returned["result"].startswith(words)


async def test_what_a_childs_answer_may_miss_is_told_to_the_model_and_the_reader(
    desk: Desk,
) -> None:
    rows = RowFactory(desk.services.db)
    collection = await rows.collection(desk.actor)
    await uploads.upload_document(
        desk.services, desk.actor, collection_id=collection.id, name="a.md", body=b"# A"
    )
    search = ("search_knowledge", {"query": "What is it?"})
    model = script(search, "Forty-two.")
    await desk.agent(model, name="Helper", collection_ids=[collection.id])

    run = await work_through(desk, await desk.start(ASK, "They say: {told}"))

    said = "Helper: 1 of 1 document is still being read; the answer may miss it."
    (returned,) = await desk.returned(run.id)
    assert returned["result"] == f"{said}\n\nForty-two."
    assert run.output is not None
    assert (run.output.answer, run.output.caveat) == (
        f"They say: {returned['result']}",
        said,
    )


async def test_agent_that_is_not_there_is_told_with_those_that_are(desk: Desk) -> None:
    await helper(desk, name="Helper")
    await helper(desk, name="Twin")
    twin = await helper(desk, name="twin")
    gone = await helper(desk, name="Gone")
    async with desk.services.db.transaction() as session:
        row = await session.merge(gone)
        row.archived_at = clock.now()

    run = await desk.run(
        ask("Nobody"), ask("Twin"), ask(str(gone.id)), ask(str(twin.id)), "{told}"
    )
    done = await work_through(desk, run.id)

    told = [one["result"] for one in await desk.returned(run.id)]
    assert "There is no agent 'Nobody'. The agents are: " in told[0]
    assert "'Helper'" in told[0]
    assert "'Gone'" not in told[0]
    assert "several agents called 'Twin'" in told[1]
    assert "There is no agent" in told[2]
    assert told[3] == "Forty-two."
    assert done.status == RunStatus.COMPLETED


async def test_agent_of_somebody_else_cannot_be_asked(
    desk: Desk, other_actor: Any
) -> None:
    theirs = await desk.make_agent(other_actor, name="Helper")

    run = await desk.run(ASK, ask(str(theirs.id)), "{told}")

    assert run.status == RunStatus.COMPLETED
    told = [one["result"] for one in await desk.returned(run.id)]
    assert all("There is no agent" in words for words in told)


async def test_agents_that_ask_each_other_in_a_circle_reach_the_limit_of_depth(
    desk: Desk,
) -> None:
    loop = await desk.agent(script(ask("Loop"), "{told}"), name="Loop")

    run = await work_through(desk, (await desk.runs.start(loop.id)).id)

    assert run.status == RunStatus.COMPLETED, run.error
    assert run.output is not None
    assert "5 deep at most" in run.output.answer
    async with desk.services.db.read() as session:
        tree = await trees.read_tree(session, desk.actor, run_id=run.id)
    assert [node.depth for node in tree.items] == [0, 1, 2, 3, 4, 5]
    assert {node.status for node in tree.items} == {RunStatus.COMPLETED}
    deepest = await desk.runs.get(tree.items[-1].id)
    assert (deepest.root_id, deepest.correlation_id) == (run.id, run.correlation_id)


async def test_tree_has_no_more_runs_than_the_setting_allows(desk: Desk) -> None:
    settings = desk.services.settings.model_copy(update={"run_tree_max": 3})
    small = replace(
        desk,
        services=bootstrap.with_tools(replace(desk.services, settings=settings)),
    )
    await helper(small)

    run = await small.start(ask("Helper"), ask("helper"), ask("HELPER"), "{told}")
    done = await work_through(small, run)

    assert done.status == RunStatus.COMPLETED, done.error
    assert len(await children(small, run)) == 2
    told = [one["result"] for one in await small.returned(run)]
    assert told[:2] == ["Forty-two.", "Forty-two."]
    assert "ATELIER_RUN_TREE_MAX" in told[2]


async def test_child_starts_also_when_its_owner_may_have_one_run_only(
    desk: Desk,
) -> None:
    settings = desk.services.settings.model_copy(
        update={"runs_active_max": 1, "runs_active_per_user_max": 1}
    )
    narrow = replace(desk, services=replace(desk.services, settings=settings))
    await helper(narrow)

    run = await work_through(narrow, await narrow.start(ASK, "{told}"))

    assert run.output is not None
    assert run.output.answer == "Forty-two."


async def test_child_is_a_run_of_the_day_and_one_too_many_is_refused_in_words(
    desk: Desk,
) -> None:
    await helper(desk)
    draft = PersonLimitsDraft(own=Limits(runs_per_day=2))
    async with desk.services.db.transaction() as session:
        user_id = desk.actor.user_id
        await tiers.set_person_limits(session, desk.actor, user_id=user_id, draft=draft)

    run = await desk.start(ask("Helper"), ask("helper"), "{told}")
    done = await work_through(desk, run)

    assert done.status == RunStatus.COMPLETED, done.error
    assert len(await children(desk, run)) == 1
    told = [one["result"] for one in await desk.returned(run)]
    assert told[0] == "Forty-two."
    assert "your 2 runs of today" in told[1]
    with pytest.raises(DayUsedUp):
        await desk.start("No more.")


async def test_worker_lost_before_and_after_the_child_starts_it_once(
    desk: Desk,
) -> None:
    await helper(desk)
    run_id = await desk.start(ASK, "{told}")

    await desk.die_at(FaultPoint.EFFECT_INTENDED, run_id)
    assert await children(desk, run_id) == []
    run = await desk.work(run_id)
    child = await child_of(desk, run)
    await desk.work(child.id)
    # The child has ended; the ledger does not know yet.
    await desk.die_at(FaultPoint.EFFECT_DONE, run_id)
    done = await desk.work(run_id)

    assert done.status == RunStatus.COMPLETED, done.error
    assert [one.id for one in await children(desk, run_id)] == [child.id]
    found = await kinds(desk, run_id)
    assert found.count("child_started") == found.count("child_completed") == 1


async def test_stop_ends_a_tree_that_no_worker_has_at_once(desk: Desk) -> None:
    loop = await desk.agent(script(ask("Loop"), "{told}"), name="Loop")
    run_id = (await desk.runs.start(loop.id)).id
    for _ in range(3):
        await desk.work(run_id)

    stopped = await desk.runs.stop(run_id)

    assert stopped.status == RunStatus.STOPPED
    async with desk.services.db.read() as session:
        tree = await trees.read_tree(session, desk.actor, run_id=run_id)
    assert [node.status for node in tree.items] == [RunStatus.STOPPED] * 4
    for node in tree.items:
        assert (await kinds(desk, node.id))[-1] == "run_stopped"


async def test_stop_of_the_first_ends_a_working_grandchild_within_a_second(
    desk: Desk,
) -> None:
    await helper(desk, model=SLOW)
    await helper(desk, ASK, "{told}", name="Middle")
    run = await desk.run(ask("Middle"), "{told}")
    middle = await desk.work(run.id)
    middle = await desk.runs.get((await child_of(desk, middle)).id)
    last = await child_of(desk, middle)
    working = asyncio.create_task(desk.work(last.id))
    await desk.runs.wait_for_event(last.id, "message_delta")

    began = clock.monotonic()
    await desk.runs.stop(run.id)
    ended = await desk.runs.wait(last.id)
    took = clock.monotonic() - began
    await working

    assert ended.status == RunStatus.STOPPED
    assert took <= STOP_SECONDS
    for one in (run, middle):
        assert (await desk.runs.get(one.id)).status == RunStatus.STOPPED
    # Nothing of the tree is left in line.
    assert (await desk.work(run.id)).status == RunStatus.STOPPED


async def test_stop_of_a_child_lets_the_run_that_asked_go_on(desk: Desk) -> None:
    await helper(desk)
    run = await desk.run(ASK, "{told}")
    child = await child_of(desk, run)

    await desk.runs.stop(child.id)
    done = await desk.work(run.id)

    assert done.status == RunStatus.COMPLETED
    assert done.output is not None
    assert done.output.answer == "Helper was stopped before it had an answer."


async def test_child_that_asks_a_person_is_answered_and_both_go_on(desk: Desk) -> None:
    await helper(desk, ("ask_person", {"question": "Which colour?"}), "{told}")
    run = await desk.run(ASK, "{told}")
    child = await child_of(desk, run)
    asking = await desk.work(child.id)
    asking = await desk.runs.get(child.id)
    assert asking.question is not None

    await desk.answer(child.id, text="Blue")
    done = await work_through(desk, run.id)

    assert done.output is not None
    assert done.output.answer == "Blue"


async def test_end_of_a_child_and_stop_of_its_tree_at_once_end_both(desk: Desk) -> None:
    await helper(desk)
    output = RunCompleted(output=RunOutput(answer="Now."), milliseconds=1)

    async def end(run_id: UUID) -> None:
        async with desk.services.db.transaction() as session:
            row = await session.get(RunRow, run_id)
            assert row is not None
            await finish_run(session, row, output, parts=desk.services)

    for _ in range(8):
        run = await desk.run(ASK, "{told}")
        child = await child_of(desk, run)
        async with desk.services.db.transaction() as session:
            row = await session.get(RunRow, child.id)
            assert row is not None
            row.status, row.epoch = RunStatus.RUNNING, 1
        await asyncio.gather(
            end(child.id), desk.runs.stop(run.id), desk.runs.stop(child.id)
        )
        assert (await desk.runs.get(run.id)).status == RunStatus.STOPPED
        assert (await desk.runs.get(child.id)).status.is_terminal
