"""A run's log as AG-UI sends it. Source: AG-UI 1.0, https://docs.ag-ui.com/spec.

The order of the protocol: a run is opened before anything else, what is opened is closed before the run is, and
nothing comes after its end. Where a run of ours waits for a person, theirs ends with the question as an interrupt;
what follows is the run of theirs that carries the answer. What a run below ours asks while ours waits for it is asked
as if ours did.
"""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.backend.core.questions import Question
from app.backend.core.run_events import (
    AttemptStarted,
    ChildStarted,
    Event,
    MessageCompleted,
    MessageDelta,
    MessageStarted,
    ReasoningDelta,
    RunCompleted,
    RunFailed,
    RunQueued,
    RunStopped,
    RunTimedOut,
    RunWaiting,
    Stage,
    StageChanged,
    ToolCalled,
    ToolReturned,
    UsageRecorded,
)
from app.backend.core.stored_events import RunEvent
from app.backend.runs.external import Interrupt

PROTOCOL_VERSION = "1.0"
OURS = "atelier"

Sent = dict[str, Any]


class AguiWriter:
    """Writes one run of the client's: a run of ours up to its first question, or what follows a question."""

    def __init__(
        self,
        thread_id: str,
        run_id: str,
        *,
        answered: Interrupt | None = None,
        notices: Sequence[str] = (),
    ) -> None:
        self._place = {"threadId": thread_id, "runId": run_id}
        self._answered = answered
        self._notices = notices
        self._asked: Interrupt | None = None
        self._run_id: UUID | None = None
        self._waits_by = ""
        self._has_begun = False
        self._open = _Opened()
        self._calls: set[str] = set()
        self._returned: set[str] = set()
        self._usage: dict[str, Sent] = {}
        self.is_over = False

    def write(self, stored: RunEvent) -> list[Sent]:
        """Return what the client is sent for an event; nothing while it belongs to another run of the client's."""
        event = stored.event()
        # The first event is of the run itself.
        run_id = self._run_id = self._run_id or stored.run_id
        sent = self._begin(run_id) + self._write(stored.run_id, event)
        if self._asked != self._answered or self.is_over:
            sent = []
        if _ends(event):
            self.is_over = self.is_over or self._asked == self._answered
            self._has_begun = False
            self._usage = {}
        if isinstance(event, RunWaiting):
            self._asked = Interrupt(stored.run_id, _question_id(event))
        if isinstance(event, ChildStarted):
            self._waits_by = event.tool_call_id
        moment = int(stored.ts.timestamp() * 1000)
        return [{**one, "timestamp": moment} for one in sent]

    def _begin(self, run_id: UUID) -> list[Sent]:
        if self._has_begun:
            return []
        self._has_begun = True
        started = {
            "type": "RUN_STARTED",
            **self._place,
            "protocolVersion": PROTOCOL_VERSION,
            "metadata": {OURS: {"run_id": str(run_id)}},
        }
        return [started, *(_custom("notice", text) for text in self._notices)]

    def _write(self, run_id: UUID, event: Event) -> list[Sent]:
        match event:
            case RunQueued():
                return []
            case StageChanged(stage=stage, message=text):
                return self._open.step(stage, text)
            case MessageStarted() | MessageDelta() | MessageCompleted():
                return self._open.message(event)
            case ReasoningDelta(message_id=message_id, text=text):
                return self._open.reasoning(message_id, text)
            case ToolCalled():
                return self._call(run_id, event)
            case ToolReturned():
                return self._return(run_id, event)
            case UsageRecorded():
                self._add_usage(event)
                return []
            case AttemptStarted():
                return [*self._open.close(), _custom_of(event)]
            case _:
                return self._end(run_id, event) or [_custom_of(event)]

    def _end(self, run_id: UUID, event: Event) -> list[Sent] | None:
        if not _ends(event):
            return None
        closed = self._open.close()
        finished = {"type": "RUN_FINISHED", **self._place, **self._used()}
        match event:
            case RunWaiting():
                asked = _interrupt(run_id, event, self._call_of(run_id, event))
                outcome = {"type": "interrupt", "interrupts": [asked]}
                return [*closed, {**finished, "outcome": outcome}]
            case RunCompleted(output=output):
                result = output.model_dump(mode="json")
                success = {"outcome": {"type": "success"}, "result": result}
                return [*closed, {**finished, **success}]
            case RunFailed(code=code, error=text):
                failed = {"type": "RUN_ERROR", "message": text, "code": code}
                return [*closed, {**failed, **self._used()}]
            case _:
                # The protocol names what a person or a limit ends so; which of them it was is said before.
                cancelled = {**finished, "outcome": {"type": "cancelled"}}
                return [*closed, _custom_of(event), cancelled]

    def _call_of(self, run_id: UUID, event: RunWaiting) -> str:
        """Return the call that asks, as the client knows it; for a run below the one that started it."""
        if run_id == self._run_id:
            name = _question_id(event).partition(":")[0]
        else:
            name = self._waits_by
        if self._run_id is None or name not in self._calls:
            return ""
        return _call_id(self._run_id, name)

    def _call(self, run_id: UUID, event: ToolCalled) -> list[Sent]:
        # A later attempt says again what it does again; the client has it already.
        if event.tool_call_id in self._calls:
            return []
        self._calls.add(event.tool_call_id)
        call = {"toolCallId": _call_id(run_id, event.tool_call_id)}
        parent = self._open.newest
        attached = {"parentMessageId": str(parent)} if parent else {}
        args = json.dumps(event.args, ensure_ascii=False)
        return [
            {
                "type": "TOOL_CALL_START",
                **call,
                "toolCallName": event.name,
                **attached,
            },
            {"type": "TOOL_CALL_ARGS", **call, "delta": args},
            {"type": "TOOL_CALL_END", **call},
        ]

    def _return(self, run_id: UUID, event: ToolReturned) -> list[Sent]:
        if event.tool_call_id in self._returned:
            return []
        self._returned.add(event.tool_call_id)
        return [_result(run_id, event)]

    def _add_usage(self, event: UsageRecorded) -> None:
        provider, _, model = event.model.rpartition("/")
        names = {"provider": provider, "model": model} if provider else {"model": model}
        known = self._usage.setdefault(
            event.model, {**names, "inputTokens": 0, "outputTokens": 0}
        )
        known["inputTokens"] += event.tokens_in
        known["outputTokens"] += event.tokens_out
        known["totalTokens"] = known["inputTokens"] + known["outputTokens"]

    def _used(self) -> Sent:
        return {"usage": list(self._usage.values())} if self._usage else {}


class _Opened:
    """What the client was told of and is not closed: a step, a message, a thought."""

    def __init__(self) -> None:
        self._step: Stage | None = None
        self._texts: dict[UUID, str] = {}
        self._thought: UUID | None = None
        self._roles: dict[UUID, str] = {}
        self.newest: UUID | None = None

    def step(self, stage: Stage, message: str) -> list[Sent]:
        """End the step before, and begin this one."""
        sent = self._end_step()
        if stage is Stage.COMPLETED:
            return sent
        self._step = stage
        begun = {"type": "STEP_STARTED", "stepName": stage.value}
        return [*sent, {**begun, "metadata": {OURS: {"message": message}}}]

    def message(
        self, event: MessageStarted | MessageDelta | MessageCompleted
    ) -> list[Sent]:
        """Begin a message with its first words, so that one without any, which only calls tools, is none."""
        key = event.message_id
        match event:
            case MessageStarted(role=role):
                self.newest = key
                self._roles[key] = role
                return []
            case MessageDelta(text=text):
                return self._say(key, text)
            case MessageCompleted(text=text):
                said = self._texts.get(key, "")
                rest = text[len(said) :] if text.startswith(said) else ""
                return [
                    *self._end_thought(),
                    *self._say(key, rest),
                    *self._end_message(key),
                ]

    def reasoning(self, message_id: UUID, text: str) -> list[Sent]:
        """Think on, or begin to."""
        # Its own id: it is a message beside the answer's.
        named = {"messageId": f"{message_id}-reasoning"}
        sent: list[Sent] = []
        if self._thought != message_id:
            sent = [
                *self._end_thought(),
                {"type": "REASONING_START", **named},
                {"type": "REASONING_MESSAGE_START", **named, "role": "reasoning"},
            ]
            self._thought = message_id
        return [*sent, {"type": "REASONING_MESSAGE_CONTENT", **named, "delta": text}]

    def close(self) -> list[Sent]:
        """End all that is open."""
        sent = self._end_thought()
        for key in list(self._texts):
            sent += self._end_message(key)
        return sent + self._end_step()

    def _say(self, key: UUID, text: str) -> list[Sent]:
        if not text:
            return []
        named = {"messageId": str(key)}
        sent = self._end_thought()
        if key not in self._texts:
            role = self._roles.get(key, "assistant")
            sent.append({"type": "TEXT_MESSAGE_START", **named, "role": role})
        self._texts[key] = self._texts.get(key, "") + text
        return [*sent, {"type": "TEXT_MESSAGE_CONTENT", **named, "delta": text}]

    def _end_message(self, key: UUID) -> list[Sent]:
        if self._texts.pop(key, None) is None:
            return []
        return [{"type": "TEXT_MESSAGE_END", "messageId": str(key)}]

    def _end_thought(self) -> list[Sent]:
        if self._thought is None:
            return []
        named = {"messageId": f"{self._thought}-reasoning"}
        self._thought = None
        return [
            {"type": "REASONING_MESSAGE_END", **named},
            {"type": "REASONING_END", **named},
        ]

    def _end_step(self) -> list[Sent]:
        if self._step is None:
            return []
        ended = {"type": "STEP_FINISHED", "stepName": self._step.value}
        self._step = None
        return [ended]


def _ends(event: Event) -> bool:
    return isinstance(
        event, RunWaiting | RunCompleted | RunFailed | RunStopped | RunTimedOut
    )


def _custom(name: str, value: Any) -> Sent:
    return {"type": "CUSTOM", "name": f"{OURS}.{name}", "value": value}


def _custom_of(event: Event) -> Sent:
    return _custom(event.type, event.model_dump(mode="json", exclude={"type"}))


def _call_id(run_id: UUID, tool_call_id: str) -> str:
    # Ours counts within a run, theirs is one for the whole conversation.
    return f"{run_id}:{tool_call_id}"


def _result(run_id: UUID, event: ToolReturned) -> Sent:
    result = event.result
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    call_id = _call_id(run_id, event.tool_call_id)
    return {
        "type": "TOOL_CALL_RESULT",
        "messageId": f"{call_id}:result",
        "toolCallId": call_id,
        "content": text,
        "role": "tool",
        "metadata": {OURS: {"is_error": event.is_error, "source": event.source}},
    }


def _question_id(event: RunWaiting) -> str:
    return event.details.id if event.details else ""


def _interrupt(run_id: UUID, event: RunWaiting, call_id: str) -> Sent:
    key = str(Interrupt(run_id, _question_id(event)))
    asked: Sent = {"id": key, "message": event.question, "reason": "question"}
    if call_id:
        asked["toolCallId"] = call_id
    question = event.details
    if question is None:
        return asked
    return {
        **asked,
        "reason": question.kind.value,
        "responseSchema": answer_schema(question),
        "metadata": {OURS: {"run_id": str(run_id), **question.model_dump(mode="json")}},
    }


def answer_schema(question: Question) -> Sent:
    """Return the JSON Schema of what may be answered."""
    properties: Sent = {}
    if question.choices:
        properties["choice"] = {
            "oneOf": [
                {"const": choice.value, "title": choice.label}
                for choice in question.choices
            ]
        }
    takes_words = question.allows_text or not question.choices
    if takes_words or any(choice.takes_text for choice in question.choices):
        properties["text"] = {"type": "string"}
    needed = ["choice"] if not takes_words else [] if question.choices else ["text"]
    return {"type": "object", "properties": properties, "required": needed}
