"""The messages of the agent websocket: a run's events in the words of its first clients."""

from typing import Any
from uuid import UUID

from app.backend.core.run_events import (
    CUT,
    AttemptStarted,
    BudgetNoticed,
    ChildCompleted,
    ChildStarted,
    Event,
    FallbackAsked,
    Log,
    MessageCompleted,
    QueuePosition,
    Retrieved,
    RetryScheduled,
    RunCompleted,
    RunFailed,
    RunStopped,
    RunTimedOut,
    RunWaiting,
    StageChanged,
    Step,
    ToolCalled,
    ToolReturned,
)
from app.backend.core.stored_events import RunEvent

Message = dict[str, Any]

_ASSISTANT = "assistant"
_QUEUED = "queued"
_WAITING = "waiting"


def connection(agent_id: UUID) -> Message:
    """Return what a new viewer gets first."""
    return {"type": "connection", "agent_id": str(agent_id)}


def execution_started(run_id: UUID) -> Message:
    """Return what announces a run."""
    return {
        "type": "execution_started",
        "execution_id": str(run_id),
        "message": "The agent has started.",
    }


def message_of(stored: RunEvent) -> Message | None:
    """Return the message for an event, or None for what these clients have no word for."""
    event = stored.event()
    ended = _end(stored.run_id, event)
    if ended is not None:
        return ended
    shown = _shown(event)
    if shown is None:
        return None
    kind, content = shown
    return {
        "type": "agent_event",
        "execution_id": str(stored.run_id),
        "event_type": kind,
        "content": content,
        "timestamp": stored.ts.isoformat(),
    }


def _end(run_id: UUID, event: Event) -> Message | None:
    execution = {"execution_id": str(run_id)}
    match event:
        case RunCompleted(output=output):
            data = output.model_dump(mode="json")
            return {"type": "execution_completed", **execution, "output_data": data}
        case RunFailed(error=text) | RunTimedOut(reason=text):
            return {"type": "execution_error", **execution, "message": text}
        case RunStopped():
            text = "The run was stopped."
            return {"type": "execution_stopped", **execution, "message": text}
        case _:
            return None


def _shown(event: Event) -> tuple[str, dict[str, str]] | None:
    match event:
        case StageChanged(stage=stage, message=text):
            return "progress", {"stage": stage.value, "message": text}
        case QueuePosition(position=position, part=part):
            text = f"Waiting for {part}: {position} before this one."
            return "progress", {"stage": _QUEUED, "message": text}
        case RunWaiting(question=question):
            return "progress", {"stage": _WAITING, "message": question}
        case MessageCompleted(role=role, text=text, finish_reason=reason) if (
            role == _ASSISTANT and reason != CUT
        ):
            return "message", {"content": text}
        case _:
            text = step_of(event)
            return None if text is None else ("step", {"content": text})


def step_of(event: Event) -> str | None:
    """Return the line for something that the agent did."""
    match event:
        case Step(content=text) | Log(message=text) | BudgetNoticed(message=text):
            return text
        case RetryScheduled(what=what, seconds=seconds, reason=reason):
            return f"{reason} {what} is asked again in {seconds:.1f} s."
        case FallbackAsked(model=model, reason=reason):
            return f"{reason} {model} is asked instead."
        case Retrieved(passages=passages):
            return f"Found {len(passages)} passages."
        case ToolCalled(name=name):
            return f"Calls {name}."
        case ToolReturned(name=name, is_error=is_error):
            return f"{name} {'failed' if is_error else 'answered'}."
        case AttemptStarted(attempt=attempt, attempts_max=most, reason=reason):
            return f"Tried again ({attempt} of {most}): {reason}"
        case ChildStarted(agent_name=name):
            return f"Asks the agent {name}."
        case ChildCompleted(agent_name=name, status=status):
            return f"The run of {name} is over: {status.replace('_', ' ')}."
        case _:
            return None
