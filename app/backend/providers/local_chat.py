"""What goes into the local model and what comes out, piece by piece."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class ChatRequest:
    """What to answer, and how; `path` is a model file other than the engine's own."""

    messages: Sequence[dict[str, str]]
    max_tokens: int = 200
    temperature: float = 0.0
    top_p: float = 0.9
    stop: Sequence[str] = ()
    path: Path | None = None


@dataclass(frozen=True)
class Queued:
    """The request waits; `position` counts those before it."""

    position: int


@dataclass(frozen=True)
class Loading:
    """The model is being read into memory: `is_done` when it is there, after `milliseconds`."""

    is_done: bool = False
    milliseconds: float = 0


@dataclass(frozen=True)
class Text:
    """A piece of the answer; `tokens` counts all of the answer's tokens so far."""

    text: str
    tokens: int


@dataclass(frozen=True)
class Done:
    """The answer is whole."""

    reason: Literal["stop", "length", "cancelled"]
    tokens_in: int
    tokens_out: int


Piece = Queued | Loading | Text | Done
