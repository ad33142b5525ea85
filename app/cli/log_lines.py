"""A run's log as lines in a terminal, the answer's text as it comes."""

import sys

from app.backend.api import socket_messages
from app.backend.core.run_events import MessageCompleted, MessageDelta, RunStarted
from app.backend.core.stored_events import RunEvent


class LogPrinter:
    """Prints events one after the other; text that streams goes on in its line."""

    def __init__(self) -> None:
        self._is_in_text = False

    def print(self, event: RunEvent) -> None:
        """Print one event; what has nothing for a reader prints nothing."""
        typed = event.event()
        if isinstance(typed, MessageDelta):
            sys.stdout.write(typed.text)
            sys.stdout.flush()
            self._is_in_text = True
            return
        if isinstance(typed, MessageCompleted) and self._is_in_text:
            self._end_text()
            return
        line = _line_of(event)
        if line is not None:
            self._end_text()
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    def _end_text(self) -> None:
        if self._is_in_text:
            sys.stdout.write("\n")
            self._is_in_text = False


def _line_of(event: RunEvent) -> str | None:
    if isinstance(event.event(), RunStarted):
        return "Started"
    message = socket_messages.message_of(event)
    if message is None:
        return None
    match message["type"]:
        case "execution_completed":
            return "Completed"
        case "execution_stopped":
            return f"Stopped {message['message']}"
        case "execution_error":
            return f"Error {message['message']}"
        case _:
            return _event_line(message["event_type"], message["content"])


def _event_line(kind: str, content: dict[str, str]) -> str:
    if kind == "progress":
        return f"[PROGRESS] {content['stage']}: {content['message']}"
    return f"[{kind.upper()}] {content['content']}"
