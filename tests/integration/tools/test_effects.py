"""A killed attempt and its effects: each happens once, or a person is asked."""

import pytest
from sqlmodel import col, select, update

from app.backend.core.effects import EffectCall, EffectState
from app.backend.core.fault_points import FaultPoint
from app.backend.core.run_events import RunStatus
from app.backend.runs import service
from app.backend.runs.effects import EffectLedger
from app.backend.runs.errors import LeaseLost
from app.backend.runs.tables import RunRow, ToolEffectRow
from app.backend.tools import notes
from app.backend.tools.outside import read_outside
from tests.factories.rows import MakeRun
from tests.integration.tools.conftest import Desk
from tests.runs import assert_log_is_whole

PUT = ("outside_put", {"name": "thing"})
APPEND = ("outside_append", {"name": "line"})


def _outside(desk: Desk) -> int:
    return len(read_outside(desk.services.settings.data_dir))


async def _effects(desk: Desk) -> list[ToolEffectRow]:
    async with desk.services.db.read() as session:
        query = select(ToolEffectRow).order_by(col(ToolEffectRow.id))
        return list((await session.exec(query)).all())


async def test_recorded_effect_is_not_done_again(desk: Desk) -> None:
    run_id = await desk.start(APPEND, "Done.")
    # The input, the question and the thought are stored; the call is not, its record is.
    await desk.die_at(FaultPoint.STEP_DONE, run_id, passes=3)
    assert [row.state for row in await _effects(desk)] == [EffectState.DONE]

    run = await desk.work(run_id)

    events = await desk.runs.events(run_id)
    assert (run.status, run.attempt) == (RunStatus.COMPLETED, 2)
    assert _outside(desk) == 1
    assert_log_is_whole(events)
    assert (await desk.returned(run_id))[-1]["source"] == "recorded"
    logs = [event.payload["message"] for event in events if event.type == "log"]
    assert any("was done before this attempt" in text for text in logs)


async def test_idempotent_effect_without_a_record_is_done_again_with_its_key(
    desk: Desk,
) -> None:
    run_id = await desk.start(PUT, "Done.")
    await desk.die_at(FaultPoint.EFFECT_DONE, run_id)
    (before,) = await _effects(desk)
    assert before.state == EffectState.INTENT

    run = await desk.work(run_id)

    (after,) = await _effects(desk)
    assert run.status == RunStatus.COMPLETED, run.error
    assert _outside(desk) == 1
    assert (after.state, after.key, after.tries) == (EffectState.DONE, before.key, 2)


async def test_note_is_written_with_its_record_or_not_at_all(desk: Desk) -> None:
    run_id = await desk.start(
        ("notes_append", {"name": "journal", "line": "Once."}), "Done."
    )
    await desk.die_at(FaultPoint.EFFECT_DONE, run_id)

    run = await desk.work(run_id)

    assert run.status == RunStatus.COMPLETED, run.error
    async with desk.services.db.read() as session:
        note = await notes.find_note(session, desk.actor, name="journal")
    assert note is not None
    assert note.text == "Once."


async def test_unsafe_effect_without_a_record_asks_and_each_answer_is_heeded(
    desk: Desk,
) -> None:
    run_id = await desk.start(APPEND, "{told}")
    await desk.die_at(FaultPoint.EFFECT_DONE, run_id)
    waiting = await desk.work(run_id)

    assert waiting.status == RunStatus.WAITING
    assert waiting.attempt == 1  # the lost one; to wait uses up none
    assert waiting.question is not None
    assert waiting.question.kind == "effect_unknown"
    assert waiting.question.evidence["tool"] == "outside_append"
    assert waiting.question.evidence["arguments"] == {"name": "line"}
    assert waiting.question.evidence["attempt"] == 1
    assert [row.state for row in await _effects(desk)] == [EffectState.UNKNOWN]

    # It did not happen, says the person, so it is done; and the worker dies once more.
    await desk.answer(run_id, choice="repeat")
    await desk.die_at(FaultPoint.EFFECT_DONE, run_id)
    again = await desk.work(run_id)
    assert again.status == RunStatus.WAITING
    assert again.question is not None
    assert again.question.id != waiting.question.id

    await desk.answer(run_id, choice="happened", text="Number 7")
    run = await desk.work(run_id)
    assert run.status == RunStatus.COMPLETED, run.error
    assert _outside(desk) == 2
    assert run.output is not None
    assert "Number 7" in run.output.answer
    assert (await desk.returned(run_id))[-1]["source"] == "person"
    assert_log_is_whole(await desk.runs.events(run_id))


async def test_stop_is_an_answer_too(desk: Desk) -> None:
    run_id = await desk.start(APPEND, "Done.")
    await desk.die_at(FaultPoint.EFFECT_DONE, run_id)
    await desk.work(run_id)

    run = await desk.answer(run_id, choice="stop")

    assert run.status == RunStatus.STOPPED
    assert run.question is None
    events = await desk.runs.events(run_id)
    assert events[-1].type == "run_stopped"
    assert _outside(desk) == 1


async def test_resumed_run_knows_what_the_one_before_did(desk: Desk) -> None:
    failing = await desk.agent(
        'scripted/{"replies": [{"tool_calls": [{"name": "outside_append", "args": {"name": "x"}}]}, {"error": "overflow"}]}'
    )
    failed = await desk.work((await desk.runs.start(failing.id)).id)
    assert failed.status == RunStatus.FAILED
    async with desk.services.db.transaction() as session:
        resumed = await service.resume_run(
            session,
            desk.actor,
            run_id=failed.id,
            parts=desk.services,
        )

    await desk.work(resumed.id)

    first, second = await _effects(desk)
    assert (second.run_id, second.key) == (resumed.id, first.key)
    assert _outside(desk) == 1


async def test_ledger_of_a_lost_worker_writes_nothing(
    desk: Desk, make_run: MakeRun
) -> None:
    row = await make_run(desk.actor, status=RunStatus.RUNNING, epoch=1, attempt=1)

    async def flush() -> None:
        return

    ledger = EffectLedger(desk.services.db, row, flush)
    call = EffectCall(1, 1, "outside_append", {"name": "x"})
    entry = await ledger.begin(call)
    assert entry.is_new
    async with desk.services.db.transaction() as session:
        await session.exec(update(RunRow).values(epoch=2))

    for write in (
        ledger.begin(EffectCall(1, 2, "outside_append", {})),
        ledger.begin_again(entry),
        ledger.doubt(entry),
        ledger.finish(entry, {"content": "late"}),
    ):
        with pytest.raises(LeaseLost):
            await write

    (kept,) = await _effects(desk)
    assert (kept.state, kept.tries) == (EffectState.INTENT, 1)
