"""A run's log as lines of text: when, what, and a message in one line however it came."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

from app.backend.core.run_events import CUT
from app.backend.core.stored_events import RunEvent
from app.backend.runs.exports.words import bracketed, describe

_GROWS = {"message_delta": "MESSAGE", "reasoning_delta": "REASONING"}
_MESSAGE = {"message_started", "message_delta", "message_completed", "reasoning_delta"}


async def write(events: AsyncIterator[RunEvent]) -> AsyncIterator[str]:
    """Return the lines of a log."""
    lines = _Lines()
    async for event in events:
        for line in lines.take(event):
            yield line
    for line in lines.end():
        yield line


class _Lines:
    """Makes lines; text that grows is one when it is whole, or when the log goes on without it."""

    def __init__(self) -> None:
        self._growing: dict[str, tuple[datetime, str]] = {}
        self._message_id = ""

    def take(self, event: RunEvent) -> Iterator[str]:
        payload, kind = event.payload, event.type
        if kind not in _MESSAGE:
            yield from self.end()
            yield _line(event.ts, *describe(kind, payload))
            return
        if payload["message_id"] != self._message_id:
            yield from self.end()
            self._message_id = payload["message_id"]
        if kind in _GROWS:
            began, text = self._growing.get(_GROWS[kind], (event.ts, ""))
            self._growing[_GROWS[kind]] = began, text + payload["text"]
        elif kind == "message_completed":
            began, text = self._growing.pop("MESSAGE", (event.ts, ""))
            yield from self.end()
            whole = payload["text"] or text
            is_cut = payload.get("finish_reason") == CUT
            yield _line(began, "MESSAGE", f"{whole} (broke off)" if is_cut else whole)

    def end(self) -> Iterator[str]:
        """Return what has not been said."""
        for tag, (began, text) in sorted(self._growing.items(), reverse=True):
            yield _line(began, tag, text)
        self._growing.clear()


def _line(ts: datetime, tag: str, text: str) -> str:
    when = ts.astimezone(UTC).isoformat(timespec="milliseconds")
    return f"{when.replace('+00:00', 'Z')} {bracketed(tag)} {text}".rstrip() + "\n"
