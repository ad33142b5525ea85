"""A run as a trace in OTLP's JSON, with the names of OpenTelemetry's conventions for generative AI.

Spans are written as they end; the run itself is the last, and says in its events what had no length.
"""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.backend.core.run_events import STATUS_OF_END
from app.backend.core.stored_events import RunEvent
from app.backend.runs.exports.words import describe
from app.backend.runs.schemas import RunView

_SPAN_KIND = {"llm": 3, "tool": 1, "retrieval": 1, "stage": 1, "run": 1}
_EVENTS_MAX = (
    10_000  # of the run's own; a log of many lines is what the other formats are for
)
_NAMELESS = {"message_delta", "reasoning_delta", "message_started", "message_completed"}
Span = dict[str, Any]


async def write(run: RunView, events: AsyncIterator[RunEvent]) -> AsyncIterator[str]:
    """Return one JSON document, piece by piece."""
    resource = _attributes({"service.name": "atelier"})
    head = {"resource": {"attributes": resource}}
    yield f'{{"resourceSpans":[{{{json.dumps(head)[1:-1]},"scopeSpans":[{{"scope":{{"name":"atelier.runs"}},"spans":['
    trace = _Trace(run)
    async for event in events:
        for span in trace.take(event):
            yield f"{json.dumps(span, ensure_ascii=False)},\n"
    for span in trace.end():
        yield f"{json.dumps(span, ensure_ascii=False)},\n"
    yield f"{json.dumps(trace.root(), ensure_ascii=False)}]}}]}}]}}\n"


class _Trace:
    """Pairs the events of a run to spans."""

    def __init__(self, run: RunView) -> None:
        self._run = run
        self._open: dict[str, Span] = {}
        self._events: list[dict[str, Any]] = []
        self._began: datetime | None = None
        self._ended: datetime | None = None
        self._end: RunEvent | None = None
        self._spoken: Span | None = None  # a model's call whose usage may follow

    def take(self, event: RunEvent) -> Iterator[Span]:
        """Return the spans that are over."""
        self._began = self._began or event.ts
        self._ended = event.ts
        if self._spoken is not None and event.type != "usage_recorded":
            yield from self._take_spoken()
        handler = getattr(self, f"_on_{event.type}", None)
        if handler is not None:
            yield from handler(event, event.payload)
        elif event.type in STATUS_OF_END:
            self._end = event
        elif event.type not in _NAMELESS:
            self._note(event)

    def _note(self, event: RunEvent) -> None:
        if len(self._events) < _EVENTS_MAX:
            tag, words = describe(event.type, event.payload)
            name = f"{tag.lower()}: {words}" if words else tag.lower()
            self._events.append({"timeUnixNano": _nanos(event.ts), "name": name})

    def end(self) -> Iterator[Span]:
        """Return the spans that never ended by themselves."""
        yield from self._take_spoken()
        for key in list(self._open):
            yield self._close(key, self._ended or self._run.created_at)

    def root(self) -> Span:
        """Return the span of the run."""
        began = self._began or self._run.created_at
        ended = self._ended or began
        status = STATUS_OF_END[self._end.type] if self._end else self._run.status
        span = {
            **self._span("run", f"invoke_agent {self._run.agent_name}", began, 0, None),
            "endTimeUnixNano": _nanos(ended),
            "attributes": _attributes(
                {
                    "gen_ai.operation.name": "invoke_agent",
                    "gen_ai.agent.name": self._run.agent_name,
                    "gen_ai.request.model": self._run.model,
                    "gen_ai.usage.input_tokens": self._run.tokens_in,
                    "gen_ai.usage.output_tokens": self._run.tokens_out,
                    "atelier.run.id": str(self._run.id),
                    "atelier.run.status": status.value,
                }
            ),
            "events": self._events,
        }
        if self._run.parent_id is not None:
            span["parentSpanId"] = _span_id(self._run.parent_id, 0)
        if self._end is not None and self._end.type in {"run_failed", "run_timed_out"}:
            _, words = describe(self._end.type, self._end.payload)
            span["status"] = {"code": 2, "message": words}
        return span

    def _on_stage_changed(
        self, event: RunEvent, payload: dict[str, Any]
    ) -> Iterator[Span]:
        if "stage" in self._open:
            yield self._close("stage", event.ts)
        if payload["stage"] not in {"started", "completed"}:
            name = f"{payload['stage']}: {payload['message']}"
            self._open["stage"] = self._span("stage", name, event.ts, event.seq, None)

    def _on_retrieved(self, event: RunEvent, payload: dict[str, Any]) -> Iterator[Span]:
        began = event.ts - timedelta(milliseconds=payload["milliseconds"])
        span = self._span("retrieval", "retrieval", began, event.seq, "stage")
        span["attributes"] += _attributes(
            {
                "gen_ai.operation.name": "retrieval",
                "atelier.retrieval.query": payload["query"],
                "atelier.retrieval.passages": len(payload["passages"]),
            }
        )
        yield {**span, "endTimeUnixNano": _nanos(event.ts)}

    def _on_message_started(
        self, event: RunEvent, payload: dict[str, Any]
    ) -> Iterator[Span]:
        model = payload.get("model") or ""
        if model:
            span = self._span("llm", f"chat {model}", event.ts, event.seq, "stage")
            names = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model}
            asked = payload.get("call") or {}
            given = {
                f"gen_ai.request.{name}": asked[name]
                for name in ("temperature", "max_tokens")
                if name in asked
            }
            span["attributes"] += _attributes({**names, **given})
            self._open[payload["message_id"]] = span
        yield from ()

    def _on_message_completed(
        self, event: RunEvent, payload: dict[str, Any]
    ) -> Iterator[Span]:
        if payload["message_id"] in self._open:
            span = self._close(payload["message_id"], event.ts)
            reasons = [payload.get("finish_reason", "stop")]
            span["attributes"] += _attributes(
                {"gen_ai.response.finish_reasons": reasons}
            )
            self._spoken = span
        yield from ()

    def _on_usage_recorded(
        self, _event: RunEvent, payload: dict[str, Any]
    ) -> Iterator[Span]:
        if self._spoken is not None:
            self._spoken["attributes"] += _attributes(
                {
                    "gen_ai.usage.input_tokens": payload["tokens_in"],
                    "gen_ai.usage.output_tokens": payload["tokens_out"],
                    "atelier.first_token.milliseconds": payload[
                        "first_token_milliseconds"
                    ],
                }
            )
        yield from self._take_spoken()

    def _on_tool_called(
        self, event: RunEvent, payload: dict[str, Any]
    ) -> Iterator[Span]:
        name = payload["name"]
        span = self._span("tool", f"execute_tool {name}", event.ts, event.seq, "stage")
        arguments = json.dumps(payload["args"], ensure_ascii=False)
        span["attributes"] += _attributes(
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.call.id": payload["tool_call_id"],
                "gen_ai.tool.call.arguments": arguments,
            }
        )
        self._open[f"tool {payload['tool_call_id']}"] = span
        yield from ()

    def _on_tool_returned(
        self, event: RunEvent, payload: dict[str, Any]
    ) -> Iterator[Span]:
        key = f"tool {payload['tool_call_id']}"
        if key in self._open:
            span = self._close(key, event.ts)
            if payload.get("is_error"):
                span["status"] = {"code": 2, "message": str(payload["result"])}
            yield span

    def _on_child_started(
        self, event: RunEvent, payload: dict[str, Any]
    ) -> Iterator[Span]:
        self._note(event)
        span = self._open.get(f"tool {payload['tool_call_id']}")
        if span is not None:
            # A run has the correlation, and so the trace, of the one that started it.
            link = {
                "traceId": self._run.correlation_id.hex,
                "spanId": _span_id(UUID(payload["run_id"]), 0),
                "attributes": _attributes({"atelier.run.id": payload["run_id"]}),
            }
            span["links"] = [*span.get("links", []), link]
        yield from ()

    def _take_spoken(self) -> Iterator[Span]:
        if self._spoken is not None:
            yield self._spoken
            self._spoken = None

    def _close(self, key: str, ended: datetime) -> Span:
        return {**self._open.pop(key), "endTimeUnixNano": _nanos(ended)}

    def _span(
        self, kind: str, name: str, began: datetime, seq: int, parent: str | None
    ) -> Span:
        above = self._open.get(parent or "")
        span: Span = {
            "traceId": self._run.correlation_id.hex,
            "spanId": self._id(seq),
            "name": name,
            "kind": _SPAN_KIND[kind],
            "startTimeUnixNano": _nanos(began),
            "attributes": [],
        }
        if kind != "run":
            span["parentSpanId"] = above["spanId"] if above else self._id(0)
        return span

    def _id(self, seq: int) -> str:
        return _span_id(self._run.id, seq)


def _span_id(run_id: UUID, seq: int) -> str:
    # The run's own bytes are random at the end; number 0 is the run itself.
    return f"{(int(run_id.hex[-16:], 16) + seq) % 2**64:016x}"


def _nanos(ts: datetime) -> str:
    seconds, rest = int(ts.timestamp()), ts.microsecond
    return str(seconds * 1_000_000_000 + rest * 1_000)


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [_value(item) for item in value]}}
        case _:
            return {"stringValue": str(value)}
