"""Looks at what comes from outside before a model sees it: questions and results of tools."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from langchain_core.messages import BaseMessage

from app.backend.core.run_events import Level
from app.backend.middleware.answers import rewrite_message
from app.backend.middleware.base import Told
from app.backend.middleware.errors import InputRefused
from app.backend.middleware.patterns import Finder, Span, replace

Action = Literal["block", "redact", "warn"]
REMOVED = "[removed]"
# The agent's instructions, and what the model said itself, are not looked at.
FROM_OUTSIDE = frozenset({"human", "tool"})


@dataclass(frozen=True)
class Check:
    """What must not be sent; `what` says it to people."""

    finder: Finder
    action: Action
    what: str

    def apply(self, messages: Sequence[BaseMessage], told: Told) -> list[BaseMessage]:
        """Return the messages as they may be sent.

        Raises:
            InputRefused: they may not.
        """
        found: list[Span] = []

        def rewrite(text: str) -> str:
            spans = self.finder.find(text)
            found.extend(spans)
            return replace(text, spans, lambda _: REMOVED)

        checked = [
            rewrite_message(one, rewrite) if one.type in FROM_OUTSIDE else one
            for one in messages
        ]
        if not found:
            return list(messages)
        what = f"{count(len(found), 'place')} {self.what}"
        match self.action:
            case "block":
                told.tell(f"Refused: {what}.", level=Level.ERROR)
                message = f"What was to be sent to the model has {what}. Take it out and ask again, or ask who looks after the model."
                raise InputRefused(message)
            case "redact":
                told.tell(f"Took out {what}.", level=Level.WARNING)
                return checked
            case "warn":
                told.tell(f"Found {what}.", level=Level.WARNING)
                return list(messages)


def count(number: int, noun: str) -> str:
    """Return a number of things."""
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"
