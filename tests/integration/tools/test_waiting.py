"""Runs that wait for a person hold nothing, and go on with the first answer."""

import asyncio

import pytest

from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.errors import Conflict, Invalid, NotFound
from app.backend.core.run_events import RunStatus
from app.backend.runs import answers
from app.backend.runs.answers import AnswerDraft
from app.backend.runs.tables import RunRow
from tests.integration.tools.conftest import Desk
from tests.runs import assert_log_is_whole

ASK = ("ask_person", {"question": "Which colour?", "choices": ["Red", "Blue"]})


async def test_agent_asks_waits_without_a_lease_and_goes_on(desk: Desk) -> None:
    run = await desk.run(ASK, "{told}")

    assert run.status == RunStatus.WAITING, run.error
    assert run.attempt == 0
    assert run.question is not None
    assert run.question.text == "Which colour?"
    async with desk.services.db.read() as session:
        row = await session.get(RunRow, run.id)
    assert row is not None
    assert (row.lease_until, row.worker) == (None, "")

    queued = await desk.answer(run.id, choice="Blue", question_id=run.question.id)
    assert (queued.status, queued.question) == (RunStatus.QUEUED, None)
    done = await desk.work(run.id)

    events = await desk.runs.events(run.id)
    assert (done.status, done.attempt) == (RunStatus.COMPLETED, 1)
    assert done.output is not None
    assert done.output.answer == "Blue"
    assert_log_is_whole(events)
    kinds = [event.type for event in events]
    assert kinds.count("tool_called") == kinds.count("tool_returned") == 1
    (waiting,) = [event for event in events if event.type == "run_waiting"]
    assert waiting.payload["question"] == "Which colour?"
    assert waiting.payload["details"]["choices"][0]["value"] == "Red"
    (resumed,) = [event for event in events if event.type == "run_resumed"]
    assert resumed.payload["label"] == "Blue"


async def test_second_answer_and_one_to_another_question_are_refused(
    desk: Desk,
) -> None:
    run = await desk.run(ASK, "{told}")
    with pytest.raises(Conflict, match="answered already"):
        await desk.answer(run.id, choice="Red", question_id="another")

    both = await asyncio.gather(
        desk.answer(run.id, choice="Red"),
        desk.answer(run.id, choice="Blue"),
        return_exceptions=True,
    )

    refused = [one for one in both if isinstance(one, BaseException)]
    assert len(refused) == 1
    assert isinstance(refused[0], Conflict)
    events = await desk.runs.events(run.id)
    assert [event.type for event in events].count("run_resumed") == 1


async def test_answer_that_is_not_allowed_says_what_is(desk: Desk) -> None:
    run = await desk.run(ASK, "{told}")

    for draft in ({"choice": "Green"}, {}, {"choice": "Red", "text": "and blue"}):
        with pytest.raises(Invalid):
            await desk.answer(run.id, **draft)
    with pytest.raises(Invalid, match="'Red' or 'Blue'"):
        await desk.answer(run.id, choice="Green")
    words = await desk.answer(run.id, text="Neither")

    assert words.status == RunStatus.QUEUED
    done = await desk.work(run.id)
    assert done.output is not None
    assert done.output.answer == "Neither"


async def test_waiting_run_can_be_stopped_and_then_takes_no_answer(desk: Desk) -> None:
    run = await desk.run(ASK, "{told}")

    stopped = await desk.runs.stop(run.id)

    assert (stopped.status, stopped.question) == (RunStatus.STOPPED, None)
    with pytest.raises(Conflict, match="it is stopped"):
        await desk.answer(run.id, choice="Red")
    assert (await desk.runs.events(run.id))[-1].type == "run_stopped"


async def test_foreign_run_is_not_answered(desk: Desk, other_actor: Actor) -> None:
    run = await desk.run(ASK, "{told}")

    with pytest.raises(NotFound):
        async with desk.services.db.transaction() as session:
            await answers.answer_run(
                session,
                other_actor,
                run_id=run.id,
                draft=AnswerDraft(choice="Red"),
                parts=desk.services,
            )


async def test_stop_that_comes_while_the_run_begins_to_wait_wins(desk: Desk) -> None:
    run_id = await desk.start(ASK, "{told}")
    async with desk.services.db.transaction() as session:
        row = await session.get(RunRow, run_id)
        assert row is not None
        row.stop_requested_at = clock.now()
        session.add(row)

    run = await desk.work(run_id)

    assert run.status == RunStatus.STOPPED
