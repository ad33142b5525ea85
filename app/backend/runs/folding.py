"""Words of one message as one event: what comes close together, or has to wait for the database."""

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from app.backend.core.run_events import Event, MessageDelta, ReasoningDelta

Entry = tuple[datetime, Event]
_Message = tuple[type[Event], UUID]


def fold_neighbours(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries with words of a message that follow on each other as one event, at the time of the first ones."""
    folded: list[Entry] = []
    for key, group in groupby(entries, _message_of):
        same = list(group)
        if key is None or len(same) == 1:
            folded += same
        else:
            folded.append((same[0][0], _join([event for _, event in same])))
    return folded


def fold_all(entries: Iterable[Entry]) -> deque[Entry]:
    """Return the entries with all words of a message in the place of its first ones; whatever else happened stays."""
    kept: list[Entry] = []
    first: dict[_Message, tuple[int, list[Event]]] = {}
    for ts, event in entries:
        key = _message_of((ts, event))
        if key is None:
            kept.append((ts, event))
            continue
        if key not in first:
            first[key] = len(kept), []
            kept.append((ts, event))
        first[key][1].append(event)
    for place, parts in first.values():
        kept[place] = kept[place][0], _join(parts)
    return deque(kept)


def _message_of(entry: Entry) -> _Message | None:
    event = entry[1]
    if isinstance(event, MessageDelta | ReasoningDelta):
        return type(event), event.message_id
    return None


def _join(parts: Sequence[Event]) -> Event:
    words = [part for part in parts if isinstance(part, MessageDelta)]
    if words:
        return MessageDelta(
            message_id=words[0].message_id,
            text="".join([part.text for part in words]),
            tokens=sum(part.tokens for part in words),
        )
    thoughts = [part for part in parts if isinstance(part, ReasoningDelta)]
    return ReasoningDelta(
        message_id=thoughts[0].message_id,
        text="".join([part.text for part in thoughts]),
    )
