"""What the run store shows of a run and its events."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from app.backend.core import clock, ids
from app.backend.core.run_events import (
    Citation,
    RunOutput,
    RunStatus,
    Stage,
    StageChanged,
    Step,
)
from app.backend.core.stored_events import RunEvent
from app.backend.runs.schemas import RunView
from app.state.run_detail import event_line, run_detail, source_line, turn_line
from app.state.run_feed import EVENTS_SHOWN, RunFeedState, show_run
from tests.states import make_state


def _run(**overrides: Any) -> RunView:
    created = clock.now()
    values: dict[str, Any] = {
        "id": ids.new_id(),
        "agent_id": uuid4(),
        "agent_name": "Ann",
        "thread_id": uuid4(),
        "status": RunStatus.RUNNING,
        "trigger": "user",
        "correlation_id": uuid4(),
        "input": {"query": "Why?"},
        "output": None,
        "error": "",
        "model": "scripted/hello",
        "tokens_in": 0,
        "tokens_out": 0,
        "attempt": 1,
        "last_seq": 1,
        "created_at": created,
        "started_at": created + timedelta(seconds=1),
        "completed_at": None,
    }
    return RunView(**values | overrides)


def _citation(**overrides: Any) -> Citation:
    values: dict[str, Any] = {
        "n": 1,
        "chunk_id": uuid4(),
        "document_id": uuid4(),
        "document_name": "a.pdf",
        "text": "Because.",
        "score": 0.678,
    }
    return Citation(**values | overrides)


def test_input_beside_the_question_is_shown_as_json() -> None:
    detail = run_detail(_run(input={"query": "Why?", "tone": "short"}))

    assert (detail.query, detail.extra) == ("Why?", '{\n  "tone": "short"\n}')
    assert run_detail(_run()).extra == ""


def test_source_has_its_score_as_it_is() -> None:
    assert source_line(_citation()).score == "0.68"
    assert source_line(_citation(score=-0.2, page=3)).score == "-0.20"


def test_source_and_earlier_answer_are_shown_without_marks() -> None:
    source = source_line(_citation(document_name="a.md", text="## Why\n**Because.**"))
    turn = turn_line(run_detail(_run()), RunOutput(answer="It is **so**."))

    assert source.text == "Why\nBecause."
    assert turn.answer == "It is so."


def test_turn_of_a_failed_run_says_why() -> None:
    failed = _run(status=RunStatus.FAILED, error="No model.")
    turn = turn_line(run_detail(failed), failed.output)

    assert turn.answer == "No model."


def test_stage_is_named_in_its_line() -> None:
    event = RunEvent.of(
        uuid4(), 3, clock.now(), StageChanged(stage=Stage.RETRIEVING, message="Now.")
    )

    assert event_line(event).text == "retrieving: Now."


def test_store_shows_a_run_and_forgets_the_one_before() -> None:
    state = make_state(RunFeedState)
    first, second = _run(), _run()
    event = RunEvent.of(first.id, 1, clock.now(), Step(content="Read."))
    show_run(state, first, [event])
    assert [line.text for line in state.events] == ["Read."]

    show_run(state, second)

    assert state.current_run_id == str(second.id)
    assert (state.execution_status, state.events) == ("running", [])
    assert state.is_active


def test_store_keeps_only_the_end_of_the_log() -> None:
    state = make_state(RunFeedState)
    run = _run()
    events = [
        RunEvent.of(run.id, seq, clock.now(), Step(content=f"step {seq}"))
        for seq in range(1, 50)
    ]

    show_run(state, run, events)

    assert len(state.events) == EVENTS_SHOWN
    assert state.events[-1].text == "step 49"


def test_answer_brings_its_sources() -> None:
    state = make_state(RunFeedState)
    output = RunOutput(answer="Because.", citations=[_citation()])

    show_run(state, _run(status=RunStatus.COMPLETED, output=output))

    assert [source.document_name for source in state.citations] == ["a.pdf"]
    assert not state.is_active
    assert not state.is_unanswered
