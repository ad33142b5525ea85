from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import pytest

from app.backend.api.task_messages import LINES_MAX, STOPPED, TaskWriter
from app.backend.core.questions import Answer, Choice, Question, QuestionKind
from app.backend.core.run_events import (
    AttemptStarted,
    ChildCompleted,
    ChildStarted,
    Event,
    Level,
    Log,
    MessageCompleted,
    MessageDelta,
    MessageStarted,
    QueuePosition,
    RunCompleted,
    RunFailed,
    RunOutput,
    RunQueued,
    RunResumed,
    RunStarted,
    RunStatus,
    RunStopped,
    RunTimedOut,
    RunWaiting,
    Stage,
    StageChanged,
    Step,
    ToolCalled,
)
from app.backend.core.stored_events import RunEvent
from app.backend.runs.schemas import RunView

RUN, MESSAGE = UUID(int=1), UUID(int=2)
AT = datetime(2026, 1, 2, tzinfo=UTC)
QUESTION = Question(
    id="call_1_1:ask",
    kind=QuestionKind.PERSON,
    text="Main only?",
    choices=[Choice(value="main", label="Main only")],
)
BEGIN: list[Event] = [
    RunQueued(trigger="api", input={"query": "q"}),
    QueuePosition(part="scripted/x", position=1),
    RunStarted(agent_name="Ada", model="scripted/x", worker="w"),
    StageChanged(stage=Stage.GENERATING, message="Writing."),
]
SAID: list[Event] = [
    MessageStarted(message_id=MESSAGE, role="assistant"),
    MessageDelta(message_id=MESSAGE, text="Sa"),
    MessageCompleted(message_id=MESSAGE, role="assistant", text="Salt."),
]
ASKED = RunWaiting(question="Main only?", details=QUESTION)
ANSWERED = RunResumed(answer=Answer(choice="main"), label="Main only")
DONE = RunCompleted(output=RunOutput(answer="Salt."), milliseconds=1)


def _writer() -> TaskWriter:
    run = RunView(
        id=RUN,
        agent_id=None,
        agent_name="Ada",
        thread_id=UUID(int=3),
        status=RunStatus.QUEUED,
        trigger="api",
        correlation_id=RUN,
        input={"query": "q"},
        output=None,
        error="",
        model="scripted/x",
        tokens_in=0,
        tokens_out=0,
        attempt=0,
        last_seq=1,
        created_at=AT,
        started_at=None,
        completed_at=None,
    )
    return TaskWriter(run)


def _take(writer: TaskWriter, *events: Event) -> list[dict[str, Any]]:
    return [
        message
        for seq, event in enumerate(events, start=1)
        for message in writer.take(
            RunEvent.of(RUN, seq, AT + timedelta(seconds=seq), event)
        )
    ]


def _short(messages: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    keys = ("type", "status", "progress_log", "chunk", "message", "category")
    return [tuple(one[key] for key in keys if key in one) for one in messages]


def test_task_tells_its_progress_its_words_and_its_end() -> None:
    messages = _take(_writer(), *BEGIN, *SAID, DONE)

    assert {message["task_id"] for message in messages} == {str(RUN)}
    assert _short(messages) == [
        (
            "progress_update",
            "queued",
            "Waiting for scripted/x: 1 before this one.",
        ),
        ("progress_update", "running", "Ada has started."),
        ("progress_update", "running", "Writing."),
        ("response_chunk", "running", "Sa"),
        ("response_chunk", "running", "lt."),
        ("task_complete", "completed"),
    ]
    assert messages[-1]["result"] == "Salt."
    assert messages[-1]["output"]["answer"] == "Salt."
    assert messages[-1]["thread_id"] == str(UUID(int=3))


def test_question_is_a_confirmation_until_it_is_answered() -> None:
    writer = _writer()
    messages = _take(writer, *BEGIN, ASKED)
    asked = messages[-1]

    assert (asked["type"], asked["status"]) == ("CONFIRMATION_NEEDED", "waiting")
    assert (asked["question_id"], asked["message"]) == (QUESTION.id, "Main only?")
    assert asked["question"] == QUESTION.model_dump(mode="json")
    assert [one["type"] for one in writer.state()] == [
        "progress_update",
        "CONFIRMATION_NEEDED",
    ]
    answered = _take(writer, ANSWERED)
    assert _short(answered) == [("progress_update", "queued", "Answered: Main only")]
    (state,) = writer.state()
    assert state["confirmation"] is None


@pytest.mark.parametrize(
    ("end", "text", "status"),
    [
        (RunFailed(code="X", error="It failed."), "It failed.", "failed"),
        (RunTimedOut(reason="Too long."), "Too long.", "timed_out"),
        (RunStopped(), STOPPED, "stopped"),
    ],
)
def test_other_ends_are_errors(end: Event, text: str, status: str) -> None:
    for before in ([], [ASKED]):
        writer = _writer()
        message = _take(writer, *BEGIN, *before, end)[-1]

        assert _short([message]) == [("task_error", status, text, status)]
        assert writer.state()[1:] == [message]
        assert writer.view().error == text


def test_state_is_what_all_events_came_to() -> None:
    writer = _writer()
    _take(writer, *BEGIN, *SAID[:-1])
    (state,) = writer.state()

    assert state["type"] == "progress_update"
    assert state["status"] == "running"
    assert state["is_completed"] is False
    assert state["current_response"] == "Sa"
    assert [line["step"] for line in state["progress_logs"]] == [
        "Waiting for scripted/x: 1 before this one.",
        "Ada has started.",
        "Writing.",
    ]
    assert state["updated_at"] == "2026-01-02T00:00:06Z"


def test_lines_have_their_levels_and_only_the_newest_are_kept() -> None:
    writer = _writer()
    warning = Log(level=Level.WARNING, message="Careful.")
    _take(writer, *[Step(content="s")] * LINES_MAX, warning)
    lines = writer.view().progress_logs

    assert len(lines) == LINES_MAX
    assert (lines[-1].step, lines[-1].severity) == ("Careful.", Level.WARNING)


def test_task_that_goes_on_after_an_answer_or_a_loss_is_running() -> None:
    lost = AttemptStarted(attempt=2, attempts_max=3, reason="Lost.")
    call = ToolCalled(tool_call_id="c", name="now", args={})
    for event in (lost, call, Step(content="s")):
        writer = _writer()
        _take(writer, *BEGIN, ASKED, ANSWERED, event)

        assert writer.view().status is RunStatus.RUNNING


def test_task_that_waits_for_a_run_asks_nothing() -> None:
    writer = _writer()
    child = ChildStarted(run_id=RUN, agent_name="Bo", tool_call_id="c", question="q")
    ended = ChildCompleted(run_id=RUN, agent_name="Bo", status=RunStatus.TIMED_OUT)

    assert _short(_take(writer, *BEGIN, child))[-1] == (
        "progress_update",
        "waiting",
        "Asks the agent Bo.",
    )
    assert writer.view().confirmation is None
    assert _short(_take(writer, ended))[-1][1] == "queued"


def test_every_event_of_the_union_is_decided() -> None:
    union = get_args(get_args(Event)[0])

    assert len(union) == 27, "Say how those who follow a task are told of the new one."
