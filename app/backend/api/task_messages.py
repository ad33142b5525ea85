"""A run as a task: its log in the words of clients that follow a background job and are asked by it."""

from collections import deque
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from app.backend.api.socket_messages import step_of
from app.backend.core.questions import Question
from app.backend.core.run_events import (
    AttemptStarted,
    ChildCompleted,
    ChildStarted,
    Event,
    Level,
    MessageCompleted,
    MessageDelta,
    MessageStarted,
    QueuePosition,
    RunCompleted,
    RunFailed,
    RunOutput,
    RunResumed,
    RunStarted,
    RunStatus,
    RunStopped,
    RunTimedOut,
    RunWaiting,
    StageChanged,
    Step,
    ToolCalled,
    level_of,
)
from app.backend.core.stored_events import RunEvent
from app.backend.runs.schemas import RunView

LINES_MAX = 200
STOPPED = "The task was stopped."

Message = dict[str, Any]


class TaskLine(BaseModel):
    """One line of what a task has done."""

    model_config = ConfigDict(frozen=True)

    step: str
    timestamp: datetime
    severity: Level


class Confirmation(BaseModel):
    """What a waiting task asks; without `choices` the answer is a text."""

    model_config = ConfigDict(frozen=True)

    question_id: str
    message: str
    question: Question | None


class TaskView(BaseModel):
    """A run as a task: the newest lines, the answer as far as it is written, and what it asks."""

    model_config = ConfigDict(frozen=True)

    task_id: UUID
    agent_id: UUID | None
    thread_id: UUID | None
    status: RunStatus
    is_completed: bool
    progress_logs: list[TaskLine]
    current_response: str
    confirmation: Confirmation | None
    result: RunOutput | None
    error: str
    created_at: datetime
    updated_at: datetime


class TaskWriter:
    """Follows one run's log: what is so by now, and what each event is told as."""

    def __init__(self, run: RunView) -> None:
        self._run = run
        self._status = RunStatus.QUEUED
        self._lines: deque[TaskLine] = deque(maxlen=LINES_MAX)
        self._text = ""
        self._asked: Confirmation | None = None
        self._result: RunOutput | None = None
        self._error = ""
        self._updated_at = run.created_at

    def view(self) -> TaskView:
        """Return the task as the events so far make it."""
        return TaskView(
            task_id=self._run.id,
            agent_id=self._run.agent_id,
            thread_id=self._run.thread_id,
            status=self._status,
            is_completed=self._status.is_terminal,
            progress_logs=list(self._lines),
            current_response=self._text,
            confirmation=self._asked,
            result=self._result,
            error=self._error,
            created_at=self._run.created_at,
            updated_at=self._updated_at,
        )

    def state(self) -> list[Message]:
        """Return what somebody is told who comes now: how it stands, then what is asked or how it ended."""
        now = self.view().model_dump(mode="json", exclude={"task_id"})
        synced = self._message("progress_update", **now)
        return [synced, *self._news()]

    def take(self, stored: RunEvent) -> list[Message]:
        """Note an event; returns what those are told who know all before it."""
        event = stored.event()
        self._updated_at = stored.ts
        self._status = _status_after(event, self._status)
        if isinstance(event, MessageStarted | MessageDelta | MessageCompleted):
            return self._say(event)
        line = _line(event)
        if line is not None:
            severity = level_of(event)
            self._lines.append(
                TaskLine(step=line, timestamp=stored.ts, severity=severity)
            )
        if self._turn(event):
            return self._news()
        if line is None:
            return []
        return [self._message("progress_update", progress_log=line)]

    def _say(
        self, event: MessageStarted | MessageDelta | MessageCompleted
    ) -> list[Message]:
        match event:
            case MessageStarted():
                self._text, chunk = "", ""
            case MessageDelta(text=text):
                self._text, chunk = self._text + text, text
            case MessageCompleted(text=text):
                said = self._text
                chunk = text[len(said) :] if text.startswith(said) else ""
                self._text = text
        named = {"message_id": str(event.message_id), "chunk": chunk}
        return [self._message("response_chunk", **named)] if chunk else []

    def _turn(self, event: Event) -> bool:
        """Note what the task asks or how it ended; whether it did."""
        if isinstance(event, RunResumed) or self._status.is_terminal:
            self._asked = None
        match event:
            case RunWaiting(question=text, details=question):
                question_id = question.id if question else ""
                self._asked = Confirmation(
                    question_id=question_id, message=text, question=question
                )
            case RunCompleted(output=output):
                self._result = output
            case RunFailed(error=text) | RunTimedOut(reason=text):
                self._error = text
            case RunStopped():
                self._error = STOPPED
            case _:
                return False
        return True

    def _news(self) -> list[Message]:
        if self._asked is not None:
            asked = self._asked.model_dump(mode="json")
            return [self._message("CONFIRMATION_NEEDED", **asked)]
        if self._result is not None:
            output = self._result.model_dump(mode="json")
            told = {"result": self._result.answer, "output": output}
            thread_id = str(self._run.thread_id) if self._run.thread_id else None
            return [self._message("task_complete", **told, thread_id=thread_id)]
        if self._status.is_terminal:
            told = {"message": self._error, "category": self._status.value}
            return [self._message("task_error", **told)]
        return []

    def _message(self, kind: str, **values: Any) -> Message:
        told = {"type": kind, "task_id": str(self._run.id)}
        return {**told, "status": self._status.value, **values}


def _line(event: Event) -> str | None:
    match event:
        case RunStarted(agent_name=name):
            return f"{name} has started."
        case StageChanged(message=text):
            return text
        case QueuePosition(position=position, part=part):
            return f"Waiting for {part}: {position} before this one."
        case RunWaiting(question=text):
            return f"Asks: {text}"
        case RunResumed(label=label):
            return f"Answered: {label}"
        case _:
            return step_of(event)


def _status_after(event: Event, status: RunStatus) -> RunStatus:
    match event:
        case RunStarted() | AttemptStarted() | StageChanged() | Step() | ToolCalled():
            return RunStatus.RUNNING
        case RunWaiting() | ChildStarted():
            return RunStatus.WAITING
        case RunResumed() | ChildCompleted():
            return RunStatus.QUEUED
        case RunCompleted():
            return RunStatus.COMPLETED
        case RunFailed():
            return RunStatus.FAILED
        case RunStopped():
            return RunStatus.STOPPED
        case RunTimedOut():
            return RunStatus.TIMED_OUT
        case _:
            return status
