from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

import pytest

from app.backend.api.agui_events import AguiWriter
from app.backend.core.questions import Answer, Choice, Question, QuestionKind
from app.backend.core.run_events import (
    AttemptStarted,
    BudgetNoticed,
    ChildCompleted,
    ChildStarted,
    Event,
    FallbackAsked,
    Level,
    Log,
    MessageCompleted,
    MessageDelta,
    MessageStarted,
    MiddlewareActed,
    QueuePosition,
    ReasoningDelta,
    Retrieved,
    RetryScheduled,
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
    ToolReturned,
    UsageRecorded,
)
from app.backend.core.stored_events import RunEvent
from app.backend.runs.external import Interrupt
from tests.agui import check_stream, texts_of

RUN, BELOW = UUID(int=1), UUID(int=2)
ONE, TWO = UUID(int=11), UUID(int=12)
AT = datetime(2026, 1, 2, tzinfo=UTC)
PLACE = {"threadId": "t", "runId": "r"}

BEGIN: list[Event] = [
    RunQueued(trigger="api", input={"query": "q"}),
    RunStarted(agent_name="A", model="scripted/x", worker="w"),
]
QUESTION = Question(
    id="call_1_1:ask",
    kind=QuestionKind.PERSON,
    text="Which colour?",
    choices=[Choice(value="red", label="Red")],
)
ASKED = RunWaiting(question="Which colour?", details=QUESTION)
ANSWERED = RunResumed(answer=Answer(choice="red"), label="Red")
CALL = ToolCalled(tool_call_id="call_1_1", name="ask_person", args={"b": 1})
DONE = RunCompleted(output=RunOutput(answer="Salt."), milliseconds=1)
USED = UsageRecorded(
    model="scripted/x",
    tokens_in=3,
    tokens_out=2,
    first_token_milliseconds=1,
    milliseconds=2,
)


# What a client gets of one answer, after the beginning.
WHOLE: list[dict[str, Any]] = [
    {
        "type": "STEP_STARTED",
        "stepName": "retrieving",
        "metadata": {"atelier": {"message": "Searching."}},
    },
    {"type": "STEP_FINISHED", "stepName": "retrieving"},
    {
        "type": "STEP_STARTED",
        "stepName": "generating",
        "metadata": {"atelier": {"message": "Writing."}},
    },
    {"type": "TEXT_MESSAGE_START", "messageId": str(ONE), "role": "assistant"},
    {"type": "TEXT_MESSAGE_CONTENT", "messageId": str(ONE), "delta": "Sa"},
    {"type": "TEXT_MESSAGE_CONTENT", "messageId": str(ONE), "delta": "lt."},
    {"type": "TEXT_MESSAGE_END", "messageId": str(ONE)},
    {"type": "STEP_FINISHED", "stepName": "generating"},
    {
        "type": "RUN_FINISHED",
        **PLACE,
        "outcome": {"type": "success"},
        "result": RunOutput(answer="Salt.").model_dump(mode="json"),
        "usage": [
            {
                "provider": "scripted",
                "model": "x",
                "inputTokens": 6,
                "outputTokens": 4,
                "totalTokens": 10,
            }
        ],
    },
]


HELPED = ToolCalled(tool_call_id="call_1_2", name="run_agent", args={})
CHILD = ChildStarted(
    run_id=BELOW, agent_name="Bo", tool_call_id="call_1_2", question="Which?"
)
ENDED = ChildCompleted(run_id=BELOW, agent_name="Bo", status=RunStatus.COMPLETED)


def _write(
    events: Sequence[Event | tuple[UUID, Event]],
    *,
    is_whole: bool = True,
    **options: Any,
) -> list[dict[str, Any]]:
    writer = AguiWriter("t", "r", **options)
    sent: list[dict[str, Any]] = []
    for seq, said in enumerate(events, start=1):
        run_id, event = said if isinstance(said, tuple) else (RUN, said)
        sent += writer.write(RunEvent.of(run_id, seq, AT, event))
    if is_whole:
        check_stream(sent)
        assert writer.is_over
    return sent


def _kinds(sent: list[dict[str, Any]]) -> list[str]:
    return [
        one["name"] if one["type"] == "CUSTOM" else one["type"]
        for one in sent
        if one.get("name") != "atelier.run_started"
    ]


def _say(message_id: UUID, *texts: str) -> list[Event]:
    return [
        MessageStarted(message_id=message_id, role="assistant"),
        *(MessageDelta(message_id=message_id, text=text) for text in texts),
        MessageCompleted(message_id=message_id, role="assistant", text="".join(texts)),
    ]


def test_answer_is_sent_in_the_words_of_the_protocol() -> None:
    sent = _write(
        [
            *BEGIN,
            StageChanged(stage=Stage.RETRIEVING, message="Searching."),
            StageChanged(stage=Stage.GENERATING, message="Writing."),
            *_say(ONE, "Sa", "lt."),
            USED,
            USED,
            StageChanged(stage=Stage.COMPLETED, message="Done."),
            DONE,
        ]
    )

    moment = int(AT.timestamp() * 1000)
    assert {one.pop("timestamp") for one in sent} == {moment}
    assert sent[0] == {
        "type": "RUN_STARTED",
        **PLACE,
        "protocolVersion": "1.0",
        "metadata": {"atelier": {"run_id": str(RUN)}},
    }
    assert sent[2:] == WHOLE


def test_tool_is_called_once_whatever_a_later_attempt_says() -> None:
    returned = ToolReturned(tool_call_id="call_1_1", name="now", result={"a": 1})
    again = AttemptStarted(attempt=2, attempts_max=3, reason="Lost.")
    sent = _write([*BEGIN, *_say(ONE), CALL, returned, again, CALL, returned, DONE])

    assert _kinds(sent)[1:-1] == [
        "TOOL_CALL_START",
        "TOOL_CALL_ARGS",
        "TOOL_CALL_END",
        "TOOL_CALL_RESULT",
        "atelier.attempt_started",
    ]
    start, args, _, result = [one for one in sent if one["type"].startswith("TOOL")]
    assert start["toolCallName"] == "ask_person"
    assert start["parentMessageId"] == str(ONE)
    assert start["toolCallId"] == result["toolCallId"] == f"{RUN}:call_1_1"
    assert args["delta"] == '{"b": 1}'
    assert result["content"] == '{"a": 1}'


def test_message_without_words_is_none_and_one_without_pieces_is_whole() -> None:
    whole = MessageCompleted(message_id=TWO, role="assistant", text="Nothing.")
    sent = _write([*BEGIN, *_say(ONE), whole, DONE])

    assert texts_of(sent) == {str(TWO): "Nothing."}
    assert str(ONE) not in str(sent)


def test_what_is_said_after_the_pieces_is_sent_too() -> None:
    whole = MessageCompleted(message_id=ONE, role="assistant", text="Salt. More.")
    sent = _write([*BEGIN, MessageDelta(message_id=ONE, text="Salt."), whole, DONE])

    assert texts_of(sent) == {str(ONE): "Salt. More."}


def test_reasoning_is_a_message_beside_the_answer() -> None:
    thoughts: list[Event] = [
        ReasoningDelta(message_id=ONE, text="Hm"),
        ReasoningDelta(message_id=ONE, text="m."),
    ]
    sent = _write([*BEGIN, *thoughts, *_say(ONE, "Salt."), DONE])

    assert _kinds(sent)[1:-1] == [
        "REASONING_START",
        "REASONING_MESSAGE_START",
        "REASONING_MESSAGE_CONTENT",
        "REASONING_MESSAGE_CONTENT",
        "REASONING_MESSAGE_END",
        "REASONING_END",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
    ]


@pytest.mark.parametrize(
    ("end", "kinds"),
    [
        (RunFailed(code="X", error="It failed."), ["RUN_ERROR"]),
        (RunStopped(), ["atelier.run_stopped", "RUN_FINISHED"]),
        (RunTimedOut(reason="Too long."), ["atelier.run_timed_out", "RUN_FINISHED"]),
        (AttemptStarted(attempt=2, attempts_max=3, reason="Lost."), None),
        (ASKED, ["RUN_FINISHED"]),
    ],
)
def test_what_was_begun_is_closed(end: Event, kinds: list[str] | None) -> None:
    begun: list[Event] = [
        StageChanged(stage=Stage.GENERATING, message="Writing."),
        ReasoningDelta(message_id=TWO, text="Hm."),
        MessageStarted(message_id=ONE, role="assistant"),
        MessageDelta(message_id=ONE, text="Sa"),
        ReasoningDelta(message_id=TWO, text="Hm."),
    ]
    sent = _write([*BEGIN, *begun, end, *([DONE] if kinds is None else [])])

    closed = [
        "REASONING_MESSAGE_END",
        "REASONING_END",
        "TEXT_MESSAGE_END",
        "STEP_FINISHED",
        *(kinds or ["atelier.attempt_started", "RUN_FINISHED"]),
    ]
    assert _kinds(sent)[-len(closed) :] == closed


def test_stop_and_limit_are_no_success_and_a_failure_has_its_words() -> None:
    for end in (RunStopped(text="Sa"), RunTimedOut(reason="Too long.")):
        finished = _write([*BEGIN, USED, end])[-1]
        assert finished["outcome"] == {"type": "cancelled"}
        assert "result" not in finished
        assert finished["usage"]
    failed = _write([*BEGIN, RunFailed(code="X", error="It failed.")])[-1]
    assert (failed["message"], failed["code"]) == ("It failed.", "X")


def test_question_ends_the_first_run_and_the_answer_begins_the_second() -> None:
    log = [*BEGIN, USED, *_say(ONE), CALL, ASKED, ANSWERED, *_say(TWO, "Red."), DONE]
    returned = ToolReturned(tool_call_id="call_1_1", name="ask_person", result="Red")
    log.insert(log.index(ANSWERED) + 1, returned)

    first = _write(log)
    second = _write(log, answered=Interrupt(RUN, "call_1_1:ask"))

    (asked,) = first[-1]["outcome"]["interrupts"]
    assert asked["id"] == f"{RUN}:call_1_1:ask"
    assert asked["reason"] == "ask_person"
    assert asked["message"] == "Which colour?"
    assert asked["toolCallId"] == f"{RUN}:call_1_1"
    assert asked["responseSchema"] == {
        "type": "object",
        "properties": {"choice": {"oneOf": [{"const": "red", "title": "Red"}]}},
        "required": ["choice"],
    }
    assert _kinds(second) == [
        "RUN_STARTED",
        "atelier.run_resumed",
        "TOOL_CALL_RESULT",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
        "RUN_FINISHED",
    ]
    assert first[-1]["usage"]
    assert "usage" not in second[-1]


def test_nothing_is_sent_of_a_question_that_was_never_asked() -> None:
    another = Interrupt(RUN, "another")

    assert _write([*BEGIN, DONE], is_whole=False, answered=another) == []


def test_question_of_a_run_below_is_asked_for_the_call_that_started_it() -> None:
    # Both runs count their calls alike; the client must not take one for the other.
    log = [*BEGIN, *_say(ONE), HELPED, CHILD, (BELOW, ASKED), (BELOW, ANSWERED), ENDED]
    log += [
        ToolReturned(tool_call_id="call_1_2", name="run_agent", result="Red"),
        *_say(TWO, "Red."),
        DONE,
    ]

    first = _write(log)
    second = _write(log, answered=Interrupt(BELOW, "call_1_1:ask"))

    assert _kinds(first)[-2:] == ["atelier.child_started", "RUN_FINISHED"]
    (asked,) = first[-1]["outcome"]["interrupts"]
    assert asked["id"] == f"{BELOW}:call_1_1:ask"
    assert asked["toolCallId"] == f"{RUN}:call_1_2"
    assert asked["metadata"]["atelier"]["run_id"] == str(BELOW)
    assert _kinds(second) == [
        "RUN_STARTED",
        "atelier.run_resumed",
        "atelier.child_completed",
        "TOOL_CALL_RESULT",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
        "RUN_FINISHED",
    ]
    assert second[0]["metadata"]["atelier"]["run_id"] == str(RUN)
    assert second[3]["toolCallId"] == f"{RUN}:call_1_2"
    assert _write(log, is_whole=False, answered=Interrupt(RUN, "call_1_1:ask")) == []


def test_notices_follow_the_beginning() -> None:
    sent = _write([*BEGIN, DONE], notices=["Tools are not called."])

    assert _kinds(sent)[:2] == ["RUN_STARTED", "atelier.notice"]
    assert sent[1]["value"] == "Tools are not called."


def test_every_event_of_the_union_can_be_sent() -> None:
    others: list[Event] = [
        QueuePosition(part="model", position=1),
        MiddlewareActed(name="m", message="x", milliseconds=1),
        Step(content="s"),
        Retrieved(query="q", passages=[], milliseconds=1),
        Log(level=Level.INFO, message="l"),
        FallbackAsked(
            model="b", instead_of="a", number=1, numbers_max=2, reason="Away."
        ),
        RetryScheduled(what="m", attempt=2, attempts_max=3, seconds=1, reason="busy"),
        BudgetNoticed(budget_id=RUN, percent=85, message="Nearly used up."),
        ChildStarted(run_id=RUN, agent_name="Bo", tool_call_id="c", question="q"),
        ChildCompleted(run_id=RUN, agent_name="Bo", status=RunStatus.TIMED_OUT),
    ]
    union = {one.model_fields["type"].default for one in get_args(get_args(Event)[0])}
    sent = _write([*BEGIN, *others, DONE])

    assert _kinds(sent)[1:-1] == [f"atelier.{event.type}" for event in others]
    assert len(union) == 27, "Say how AG-UI clients are told of the new event."
