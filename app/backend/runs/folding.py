"""Words of one message as one event: what comes close together, or has to wait for the database."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from app.backend.core.run_events import Event, MessageDelta, ReasoningDelta

Entry = tuple[datetime, Event]


def fold(last: Event, event: Event) -> Event | None:
    """Return `last` and `event` as one event, if they are text of the same message."""
    if isinstance(last, MessageDelta) and isinstance(event, MessageDelta):
        if last.message_id == event.message_id:
            return MessageDelta(
                message_id=last.message_id,
                text=last.text + event.text,
                tokens=last.tokens + event.tokens,
            )
    elif (
        isinstance(last, ReasoningDelta)
        and isinstance(event, ReasoningDelta)
        and last.message_id == event.message_id
    ):
        return ReasoningDelta(message_id=last.message_id, text=last.text + event.text)
    return None


def fold_all(entries: Iterable[Entry]) -> deque[Entry]:
    """Return the entries with all words of a message in the place of its first ones; whatever else happened stays."""
    kept: list[Entry] = []
    first: dict[tuple[type, UUID], tuple[int, list[MessageDelta | ReasoningDelta]]] = {}
    for ts, event in entries:
        if not isinstance(event, MessageDelta | ReasoningDelta):
            kept.append((ts, event))
            continue
        key = type(event), event.message_id
        if key not in first:
            first[key] = len(kept), []
            kept.append((ts, event))
        first[key][1].append(event)
    for place, parts in first.values():
        kept[place] = kept[place][0], _join(parts)
    return deque(kept)


def _join(parts: list[MessageDelta | ReasoningDelta]) -> Event:
    text, one = "".join(part.text for part in parts), parts[0]
    if isinstance(one, ReasoningDelta):
        return ReasoningDelta(message_id=one.message_id, text=text)
    tokens = sum(part.tokens for part in parts if isinstance(part, MessageDelta))
    return MessageDelta(message_id=one.message_id, text=text, tokens=tokens)
