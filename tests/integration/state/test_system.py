"""The page of an administrator: what it shows, what it asks before it acts, and who does not see it."""

from sqlmodel import select

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.jobs import QueueName
from app.backend.core.run_events import RunStatus
from app.backend.identity.tables import AuditRow
from app.backend.runs.tables import RunRow
from app.state.system import SystemState
from tests.factories.rows import MakeRun, RowFactory
from tests.integration.state.conftest import SignIn
from tests.kept_steps import KeptSteps
from tests.states import make_state


async def test_administrator_stops_a_run_after_a_question(
    cookie: str, services: Services, actor: Actor, make_run: MakeRun
) -> None:
    run = await make_run(actor, status=RunStatus.QUEUED)
    state = make_state(SystemState, cookie=cookie)

    await SystemState.load.fn(state)
    await SystemState.ask.fn(state, "stop", str(run.id))
    question = state.question
    said = await SystemState.confirm.fn(state)

    assert [fact.label for fact in state.facts][:2] == ["Workers", "Scheduler"]
    assert {queue.id for queue in state.queues} == set(QueueName)
    assert question[0] == "Stop this run?"
    assert "asked to stop" in str(said)
    assert (state.asked, state.target) == ("", "")
    async with services.db.read() as session:
        row = await session.get(RunRow, run.id)
    assert row is not None
    assert row.status == RunStatus.STOPPED


async def test_nothing_is_done_after_no(
    cookie: str, services: Services, actor: Actor, make_run: MakeRun
) -> None:
    run = await make_run(actor, status=RunStatus.QUEUED)
    state = make_state(SystemState, cookie=cookie)

    await SystemState.ask.fn(state, "stop", str(run.id))
    await SystemState.leave.fn(state)
    await SystemState.confirm.fn(state)

    async with services.db.read() as session:
        row = await session.get(RunRow, run.id)
    assert row is not None
    assert row.status == RunStatus.QUEUED


async def test_steps_are_pruned_after_a_question_that_counts_them(
    cookie: str, services: Services, actor: Actor, rows: RowFactory
) -> None:
    kept = KeptSteps(services, actor, rows)
    thread_id = (await rows.thread(actor)).id
    old = await kept.add(thread_id, RunStatus.COMPLETED, days=8)
    new = await kept.add(thread_id, RunStatus.COMPLETED)
    state = make_state(SystemState, cookie=cookie)

    await SystemState.ask_to_prune.fn(state)
    _, text, verb = state.question
    assert text.startswith("2 steps of 1 run would go, about ")
    assert verb == "Delete them"
    assert await kept.left() == {old, new}
    assert await SystemState.confirm.fn(state) is SystemState.prune
    assert state.asked == ""
    said = await SystemState.prune.fn(state)

    assert "2 steps of 1 run deleted." in str(said)
    assert await kept.left() == {new}
    async with services.db.read() as session:
        (trace,) = (await session.exec(select(AuditRow))).all()
    assert (trace.action, trace.owner_id) == ("checkpoints_pruned", actor.user_id)
    assert trace.detail == {"runs": "1", "steps": "2"}
    said = await SystemState.ask_to_prune.fn(state)
    assert "may still be needed" in str(said)
    assert state.asked == ""


async def test_others_see_and_do_nothing(
    services: Services, other_actor: Actor, sign_in: SignIn
) -> None:
    state = make_state(SystemState, cookie=await sign_in(other_actor))

    await SystemState.load.fn(state)
    refused = await SystemState.ask.fn(state, "requeue_all", "")
    pruned = await SystemState.ask_to_prune.fn(state)
    deleted = await SystemState.prune.fn(state)

    assert state.facts == []
    assert state.asked == ""
    assert "Your role does not allow this" in str(refused)
    assert "Your role does not allow this" in str(pruned)
    assert "Your role does not allow this" in str(deleted)


def test_what_takes_long_does_not_hold_up_the_tab() -> None:
    handlers = SystemState.event_handlers

    assert handlers["ask_to_prune"].is_background
    assert handlers["prune"].is_background
