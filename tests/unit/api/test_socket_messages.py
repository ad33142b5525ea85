from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

import pytest

from app.backend.api import socket_messages
from app.backend.core.run_events import (
    AttemptStarted,
    BudgetNoticed,
    ChildCompleted,
    ChildStarted,
    Event,
    FallbackAsked,
    Log,
    MessageCompleted,
    MessageDelta,
    QueuePosition,
    Retrieved,
    RunCompleted,
    RunFailed,
    RunOutput,
    RunStatus,
    RunStopped,
    RunTimedOut,
    RunWaiting,
    Stage,
    StageChanged,
    Step,
    ToolCalled,
    ToolReturned,
    UsageRecorded,
)
from app.backend.core.stored_events import RunEvent
from app.backend.runs.starting import CONVERSATION

RUN = UUID(int=1)
AT = datetime(2026, 1, 2, tzinfo=UTC)


def _message(event: Event) -> dict[str, Any] | None:
    return socket_messages.message_of(RunEvent.of(RUN, 1, AT, event))


@pytest.mark.parametrize(
    ("event", "kind", "content"),
    [
        (
            StageChanged(stage=Stage.RETRIEVING, message="Searching."),
            "progress",
            {"stage": "retrieving", "message": "Searching."},
        ),
        (
            QueuePosition(part="openai/x", position=2),
            "progress",
            {"stage": "queued", "message": "Waiting for openai/x: 2 before this one."},
        ),
        (
            QueuePosition(part=CONVERSATION, position=1),
            "progress",
            {
                "stage": "queued",
                "message": "Waiting for this conversation: 1 before this one.",
            },
        ),
        (
            RunWaiting(question="May I?"),
            "progress",
            {"stage": "waiting", "message": "May I?"},
        ),
        (
            MessageCompleted(message_id=RUN, role="assistant", text="Salt."),
            "message",
            {"content": "Salt."},
        ),
        (Step(content="Did it."), "step", {"content": "Did it."}),
        (Log(message="A line."), "step", {"content": "A line."}),
        (
            Retrieved(query="q", passages=[], milliseconds=1),
            "step",
            {"content": "Found 0 passages."},
        ),
        (
            ToolCalled(tool_call_id="1", name="clock", args={}),
            "step",
            {"content": "Calls clock."},
        ),
        (
            ToolReturned(tool_call_id="1", name="clock", result=None, is_error=True),
            "step",
            {"content": "clock failed."},
        ),
        (
            AttemptStarted(attempt=2, attempts_max=2, reason="The worker died."),
            "step",
            {"content": "Tried again (2 of 2): The worker died."},
        ),
        (
            ChildStarted(run_id=RUN, agent_name="Bo", tool_call_id="c", question="q"),
            "step",
            {"content": "Asks the agent Bo."},
        ),
        (
            BudgetNoticed(budget_id=RUN, percent=85, message="Nearly used up."),
            "step",
            {"content": "Nearly used up."},
        ),
        (
            ChildCompleted(run_id=RUN, agent_name="Bo", status=RunStatus.TIMED_OUT),
            "step",
            {"content": "The run of Bo is over: timed out."},
        ),
    ],
)
def test_events_have_their_words(
    event: Event, kind: str, content: dict[str, str]
) -> None:
    assert _message(event) == {
        "type": "agent_event",
        "execution_id": str(RUN),
        "event_type": kind,
        "content": content,
        "timestamp": "2026-01-02T00:00:00+00:00",
    }


@pytest.mark.parametrize(
    ("event", "kind", "key"),
    [
        (
            RunCompleted(output=RunOutput(answer="Salt."), milliseconds=1),
            "execution_completed",
            "output_data",
        ),
        (RunFailed(code="x", error="It failed."), "execution_error", "message"),
        (RunTimedOut(reason="Too long."), "execution_error", "message"),
        (RunStopped(), "execution_stopped", "message"),
    ],
)
def test_ends_have_their_words(event: Event, kind: str, key: str) -> None:
    message = _message(event)

    assert message is not None
    assert (message["type"], message["execution_id"]) == (kind, str(RUN))
    assert message[key]


@pytest.mark.parametrize(
    "event",
    [
        MessageDelta(message_id=RUN, text="Sa"),
        MessageCompleted(message_id=RUN, role="user", text="Question"),
        MessageCompleted(
            message_id=RUN, role="assistant", text="Sa", finish_reason="cut"
        ),
        UsageRecorded(
            model="m",
            tokens_in=1,
            tokens_out=1,
            first_token_milliseconds=1,
            milliseconds=1,
        ),
    ],
)
def test_what_these_clients_have_no_word_for_is_left_out(event: Event) -> None:
    assert _message(event) is None


def test_every_event_of_the_union_is_decided() -> None:
    union = get_args(get_args(Event)[0])

    assert len(union) == 27


def test_model_that_answers_for_another_is_told_with_the_reason() -> None:
    hop = FallbackAsked(
        model="b/2", instead_of="a/1", number=1, numbers_max=1, reason="Away."
    )
    message = _message(hop)

    assert message is not None
    assert message["content"] == {"content": "Away. b/2 is asked instead."}
