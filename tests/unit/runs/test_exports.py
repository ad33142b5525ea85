"""Files of a log: the same events in each format, as they were agreed on."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from app.backend.core.run_events import (
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
    ModelCall,
    Passage,
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
    Stage,
    StageChanged,
    Step,
    ToolCalled,
    ToolReturned,
    UsageRecorded,
)
from app.backend.core.stored_events import RunEvent
from app.backend.runs.exports import jsonl, otlp, text
from app.backend.runs.exports.words import describe
from app.backend.runs.schemas import RunView

HERE = Path(__file__).parent
WORDS = HERE.parents[2] / "app/components/widgets/event_log_text.js"
RUN, MESSAGE = (UUID(f"01a226ca-a428-7708-8611-c590c2f9000{n}") for n in (1, 2))
BEGAN = datetime(2026, 11, 21, 8, tzinfo=UTC)
PASSAGE = Passage(
    n=1,
    chunk_id=MESSAGE,
    document_id=MESSAGE,
    document_name="kiln.pdf",
    page=3,
    text="Hot.",
    score=0.826,
)
ASKED = ModelCall(messages=[], size=2, temperature=0.5, max_tokens=200)
EVENTS: list[tuple[int, Event]] = [
    (0, RunQueued(trigger="user", input={"query": "How hot?"})),
    (400, RunStarted(agent_name="Ann", model="m", worker="w")),
    (410, StageChanged(stage=Stage.RETRIEVING, message="Searching.")),
    (600, Retrieved(query="hot", passages=[PASSAGE], milliseconds=180)),
    (610, StageChanged(stage=Stage.GENERATING, message="m writes.")),
    (
        610,
        MessageStarted(
            message_id=MESSAGE, role="assistant", model="m", call=ASKED
        ),
    ),
    (650, ReasoningDelta(message_id=MESSAGE, text="Hm.")),
    (700, MessageDelta(message_id=MESSAGE, text="Ve")),
    (750, MessageDelta(message_id=MESSAGE, text="ry.")),
    (900, MessageCompleted(message_id=MESSAGE, role="assistant", text="Very.")),
    (900, UsageRecorded(model="m", tokens_in=9, tokens_out=3, first_token_milliseconds=90, milliseconds=290)),
    (910, ToolCalled(tool_call_id="a", name="mail", args={"to": "Bo"})),
    (950, Log(level=Level.WARNING, message="Slow.")),
    (990, ToolReturned(tool_call_id="a", name="mail", result="No such person.", is_error=True, milliseconds=80)),
    (999, RunFailed(code="x", error="Nobody to ask. Try again.")),
]  # fmt: skip
MORE: list[Event] = [
    QueuePosition(part="the model", position=2),
    Retrieved(query="hot", passages=[], milliseconds=1),
    Step(content="Read a file."),
    MiddlewareActed(name="Cache", message="Kept it.", milliseconds=0.34, phase="after"),
    RunStopped(text="so far"),
    RunStopped(),
    RunCompleted(output=RunOutput(answer="Very."), milliseconds=4),
    RetryScheduled(what="m", attempt=2, attempts_max=3, seconds=1.5, reason="Busy."),
    FallbackAsked(model="b", instead_of="a", number=1, numbers_max=2, reason="Away."),
    RunResumed(),
    BudgetNoticed(budget_id=MESSAGE, percent=85, message="Nearly used up."),
    ChildStarted(run_id=MESSAGE, agent_name="Bo", tool_call_id="a", question="How hot? " * 20),
    ChildCompleted(run_id=MESSAGE, agent_name="Bo", status=RunStatus.TIMED_OUT, tokens_in=1200, tokens_out=1, milliseconds=61_000),
    ToolReturned(tool_call_id="b", name="list", result={"names": ["Bo"] * 60}),
    UsageRecorded(model="m", tokens_in=1, tokens_out=2000, first_token_milliseconds=1500, milliseconds=75_000, is_estimated=True),
]  # fmt: skip


def _stored(events: Sequence[tuple[int, Event]]) -> list[RunEvent]:
    return [
        RunEvent.of(RUN, seq, BEGAN + timedelta(milliseconds=at), event)
        for seq, (at, event) in enumerate(events, start=1)
    ]


async def _stream(events: Sequence[RunEvent]) -> AsyncIterator[RunEvent]:
    for event in events:
        yield event


async def _read(pieces: AsyncIterator[str]) -> str:
    return "".join([piece async for piece in pieces])


def _run() -> RunView:
    return RunView(
        id=RUN,
        agent_id=None,
        agent_name="Ann",
        thread_id=None,
        status=RunStatus.FAILED,
        trigger="user",
        correlation_id=MESSAGE,
        input={"query": "How hot?"},
        output=None,
        error="",
        model="m",
        tokens_in=9,
        tokens_out=3,
        attempt=1,
        last_seq=len(EVENTS),
        created_at=BEGAN,
        started_at=BEGAN,
        completed_at=None,
    )


async def test_text_has_a_line_for_all_that_is_said() -> None:
    lines = await _read(text.write(_stream(_stored(EVENTS))))

    assert lines.splitlines() == [
        "2026-11-21T08:00:00.000Z [PROGRESS] queued: waiting for a worker",
        "2026-11-21T08:00:00.400Z Started Ann with m",
        "2026-11-21T08:00:00.410Z [PROGRESS] retrieving: Searching.",
        "2026-11-21T08:00:00.600Z [STEP] Found 1 passage in kiln.pdf, best score 0.83",
        "2026-11-21T08:00:00.610Z [PROGRESS] generating: m writes.",
        "2026-11-21T08:00:00.650Z [REASONING] Hm.",
        "2026-11-21T08:00:00.700Z [MESSAGE] Very.",
        "2026-11-21T08:00:00.900Z [STEP] m: 9 tokens in, 3 out, 10.0 tokens/s, first token after 90 ms",
        '2026-11-21T08:00:00.910Z [STEP] mail {"to":"Bo"}',
        "2026-11-21T08:00:00.950Z [STEP] Slow.",
        "2026-11-21T08:00:00.990Z [STEP] mail failed No such person.",
        "2026-11-21T08:00:00.999Z Error Nobody to ask. Try again.",
    ]


async def test_text_of_a_message_that_was_cut_off_is_kept() -> None:
    lines = await _read(text.write(_stream(_stored(EVENTS[5:9]))))

    assert [line[25:] for line in lines.splitlines()] == [
        "[REASONING] Hm.",
        "[MESSAGE] Very.",
    ]


async def test_json_lines_are_the_events() -> None:
    lines = await _read(jsonl.write(_stream(_stored(EVENTS))))

    assert [RunEvent.model_validate_json(line) for line in lines.splitlines()] == (
        _stored(EVENTS)
    )


async def test_trace_has_a_span_for_all_that_took_time() -> None:
    trace = json.loads(await _read(otlp.write(_run(), _stream(_stored(EVENTS)))))

    (scope,) = trace["resourceSpans"][0]["scopeSpans"]
    spans = {span["name"]: span for span in scope["spans"]}
    names = {span["spanId"]: span["name"] for span in scope["spans"]}
    assert [
        (span["name"], names.get(span.get("parentSpanId"), ""), _milliseconds(span))
        for span in scope["spans"]
    ] == [
        ("retrieval", "retrieving: Searching.", 180),
        ("retrieving: Searching.", "invoke_agent Ann", 200),
        ("chat m", "generating: m writes.", 290),
        ("execute_tool mail", "generating: m writes.", 80),
        ("generating: m writes.", "invoke_agent Ann", 389),
        ("invoke_agent Ann", "", 999),
    ]
    assert {span["traceId"] for span in scope["spans"]} == {MESSAGE.hex}
    assert _values(spans["chat m"]) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 200,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 3,
        "atelier.first_token.milliseconds": 90.0,
    }
    assert spans["execute_tool mail"]["status"] == {
        "code": 2,
        "message": "No such person.",
    }
    assert [one["name"] for one in spans["invoke_agent Ann"]["events"]][-1] == (
        "step: Slow."
    )


async def test_trace_of_a_run_links_to_those_that_it_started_and_hangs_below_its_parent() -> (
    None
):
    child = UUID(int=MESSAGE.int + 1)
    events: list[tuple[int, Event]] = [
        (0, ToolCalled(tool_call_id="a", name="run_agent", args={"agent": "Bo"})),
        (1, ChildStarted(run_id=child, agent_name="Bo", tool_call_id="a", question="?")),
        (9, ChildCompleted(run_id=child, agent_name="Bo", status=RunStatus.COMPLETED)),
        (9, ToolReturned(tool_call_id="a", name="run_agent", result="Hot.")),
    ]  # fmt: skip
    above = json.loads(await _read(otlp.write(_run(), _stream(_stored(events)))))
    run = _run().model_copy(update={"id": child, "parent_id": RUN})
    below = json.loads(await _read(otlp.write(run, _stream([]))))

    (call, root), (own,) = (
        trace["resourceSpans"][0]["scopeSpans"][0]["spans"] for trace in (above, below)
    )
    assert [(link["traceId"], link["spanId"]) for link in call["links"]] == [
        (own["traceId"], own["spanId"])
    ]
    assert own["parentSpanId"] == root["spanId"]
    assert root["events"][0]["name"].startswith("step: asks Bo")


def test_words_are_those_of_the_page() -> None:
    events = [*_stored(EVENTS), *_stored([(0, event) for event in MORE])]
    given = json.dumps([{"type": one.type, "payload": one.payload} for one in events])
    script = f"import {{ describe }} from {json.dumps(str(WORDS))}; console.log(JSON.stringify({given}.map(describe)));"
    bun = Path(sys.executable).parent / "bun"
    done = subprocess.run([bun, "-e", script], capture_output=True, check=True)

    shown = [tuple(words) for words in json.loads(done.stdout)]
    assert [describe(one.type, one.payload) for one in events] == shown


def _milliseconds(span: dict[str, Any]) -> int:
    took = int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])
    return took // 1_000_000


def _values(span: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: _value(one["value"]) for one in span["attributes"]}


def _value(value: dict[str, Any]) -> Any:
    ((kind, given),) = value.items()
    if kind == "arrayValue":
        return [_value(item) for item in given["values"]]
    return int(given) if kind == "intValue" else given
