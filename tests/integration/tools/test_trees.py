"""What becomes of a tree of runs that was lost, resumed, retried or deleted."""

from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from app.backend.core.errors import Conflict, NotFound
from app.backend.core.run_events import (
    RunFailed,
)
from app.backend.runs import bulk, deletion, service, trees
from app.backend.runs.recovery import RunRecovery
from app.backend.runs.schemas import RunView
from app.backend.runs.status import end_run
from app.backend.runs.tables import RunRow
from tests.integration.tools.children import (
    ASK,
    child_of,
    children,
    helper,
    kinds,
    work_through,
)
from tests.integration.tools.conftest import Desk


def recovery(desk: Desk) -> RunRecovery:
    """Return a sweeper."""
    return RunRecovery(desk.services.db, desk.services.redis, desk.services.outbox, 3)


async def test_run_whose_child_ended_unnoticed_is_woken_by_the_sweep(
    desk: Desk,
) -> None:
    await helper(desk)
    run = await desk.run(ASK, "{told}")
    child = await child_of(desk, run)
    async with desk.services.db.transaction() as session:
        await end_run(session, child.id, RunFailed(code="x", error="Unheard."))

    assert await recovery(desk).wake_parents() == 1
    assert await recovery(desk).wake_parents() == 0

    woken = await work_through(desk, run.id)
    assert woken.output is not None
    assert woken.output.answer == "Helper failed: Unheard."
    assert (await kinds(desk, run.id)).count("child_completed") == 1


async def test_run_whose_child_is_gone_starts_it_again(desk: Desk) -> None:
    await helper(desk)
    run = await desk.run(ASK, "{told}")
    child = await child_of(desk, run)
    async with desk.services.db.transaction() as session:
        row = await session.get(RunRow, child.id)
        await session.delete(row)

    assert await recovery(desk).wake_parents() == 1
    done = await work_through(desk, run.id)

    assert done.output is not None
    assert done.output.answer == "Forty-two."


async def test_resume_uses_what_a_child_gave_and_starts_a_stopped_one_again(
    desk: Desk,
) -> None:
    await helper(desk)
    run = await desk.run(ASK, "{told}")
    child = await child_of(desk, run)
    await desk.work(child.id)
    await desk.runs.stop(run.id)
    resumed = await _again(desk, service.resume_run, run.id)
    done = await work_through(desk, resumed.id)

    assert done.output is not None
    assert done.output.answer == "Forty-two."
    assert await children(desk, resumed.id) == []
    assert (resumed.parent_id, resumed.root_id) == (None, resumed.id)

    run = await desk.run(ASK, "{told}")
    await desk.runs.stop(run.id)
    resumed = await _again(desk, service.resume_run, run.id)
    done = await work_through(desk, resumed.id)

    assert done.output is not None
    assert done.output.answer == "Forty-two."
    assert len(await children(desk, resumed.id)) == 1
    assert (await kinds(desk, resumed.id)).count("tool_called") == 1


async def test_retry_starts_new_children_and_that_of_a_child_is_a_run_of_its_own(
    desk: Desk,
) -> None:
    await helper(desk)
    run = await work_through(desk, await desk.start(ASK, "{told}"))
    (first,) = await children(desk, run.id)

    again = await _again(desk, service.retry_run, run.id)
    await work_through(desk, again.id)
    alone = await _again(desk, service.retry_run, first.id)
    await work_through(desk, alone.id)

    (second,) = await children(desk, again.id)
    assert second.id != first.id
    assert (alone.parent_id, alone.depth, alone.root_id) == (None, 0, alone.id)
    assert len(await children(desk, run.id)) == 1


async def test_deletion_takes_what_is_below_and_waits_for_the_whole_tree(
    desk: Desk,
) -> None:
    await helper(desk)
    run = await desk.run(ASK, "{told}")
    child = await child_of(desk, run)
    done = await desk.work(child.id)
    assert done.status.is_terminal
    with pytest.raises(Conflict, match="same tree has not ended"):
        await _delete(desk, child.id)
    run = await work_through(desk, run.id)

    await _delete(desk, run.id)

    for gone in (run.id, child.id):
        with pytest.raises(NotFound):
            await desk.runs.get(gone)
    async with desk.services.db.read() as session:
        rows = (await session.exec(select(RunRow.id).where(_is_tree(run.id)))).all()
    assert list(rows) == []


async def test_all_runs_of_a_tree_are_deleted_at_once(desk: Desk) -> None:
    await helper(desk)
    run = await work_through(desk, await desk.start(ASK, "{told}"))
    (child,) = await children(desk, run.id)

    async with desk.services.db.transaction() as session:
        found = await bulk.delete_runs(
            session,
            desk.actor,
            run_ids=[run.id, child.id],
            redis=desk.services.redis,
        )

    assert [(one.run_id, one.is_done) for one in found] == [
        (run.id, True),
        (child.id, True),
    ]


async def test_tree_is_its_owners(desk: Desk, other_actor: Any) -> None:
    await helper(desk)
    run = await desk.run(ASK, "{told}")

    async with desk.services.db.read() as session:
        with pytest.raises(NotFound):
            await trees.read_tree(session, other_actor, run_id=run.id)


def _is_tree(root_id: UUID) -> Any:
    return col(RunRow.root_id) == root_id


async def _delete(desk: Desk, run_id: UUID) -> None:
    async with desk.services.db.transaction() as session:
        await deletion.delete_run(
            session, desk.actor, run_id=run_id, redis=desk.services.redis
        )


async def _again(desk: Desk, start: Any, run_id: UUID) -> RunView:
    async with desk.services.db.transaction() as session:
        return await start(session, desk.actor, run_id=run_id, parts=desk.services)
