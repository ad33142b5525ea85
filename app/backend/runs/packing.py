"""The short form in which a run's events travel, to the web process and on to the browser: what neighbours share is said once.

A batch is a list of items. An object opens a table: the `type` of its rows, the values that all of them `share`, and
the `keys` of the other values. An array is a row of the open table: microseconds since the event before, then a value
for each key. `seq` is not said in a row: a batch says which one is its first, and there are no holes. The browser's
side is `feed_wire.js`.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from app.backend.core.stored_events import RunEvent

Table = dict[str, Any]
Row = list[Any]

# What the events of one type mostly have in common with the one before.
_SHARED = {
    "log": ("level",),
    "message_delta": ("message_id",),
    "reasoning_delta": ("message_id",),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Packed:
    """What a batch says: its first and last `seq`, their times in microseconds, the table open at its end, its items."""

    first: int
    last: int
    began_at: int
    ended_at: int
    table: Table
    items: list[Table | Row]


@dataclass(frozen=True)
class Batch:
    """Neighbouring events of one run; a process that only passes them on does not look into them."""

    run_id: UUID
    packed: Packed

    @classmethod
    def of(cls, events: Sequence[RunEvent]) -> "Batch":
        """Pack events, which follow on each other."""
        batch = cls(events[0].run_id, _pack(events))
        # Known already, so that nobody need unfold them.
        batch.__dict__["events"] = list(events)
        return batch

    @classmethod
    def from_json(cls, run_id: UUID, text: str | bytes) -> "Batch":
        """Return the batch that `to_json` made."""
        return cls(run_id, Packed(**json.loads(text)))

    def to_json(self) -> bytes:
        """Return the batch as it travels."""
        return to_json(vars(self.packed))

    @property
    def last_type(self) -> str:
        """Type of the last event."""
        return self.packed.table["type"]

    @property
    def types(self) -> set[str]:
        """Types of the events."""
        return {item["type"] for item in self.packed.items if isinstance(item, dict)}

    @cached_property
    def events(self) -> list[RunEvent]:
        """The events themselves."""
        return list(_unpack(self.run_id, self.packed))

    def after(self, seq: int) -> "Batch":
        """Return the batch without the events up to `seq`; it has later ones."""
        return Batch.of([event for event in self.events if event.seq > seq])


def batches_of(events: Sequence[RunEvent]) -> list[Batch]:
    """Pack events, which rise: a batch for each stretch without a hole, since rows do not say their `seq`."""
    starts = [
        at
        for at, event in enumerate(events)
        if at == 0 or event.seq != events[at - 1].seq + 1
    ]
    ends = [*starts, len(events)][1:]
    return [
        Batch.of(events[start:end]) for start, end in zip(starts, ends, strict=True)
    ]


def _pack(events: Sequence[RunEvent]) -> Packed:
    items: list[Table | Row] = []
    table: Table = {}
    shape: tuple[str, ...] = ()
    share: dict[str, Any] = {}
    keys: list[str] = []
    began_at = at = _microseconds(events[0].ts)
    for event in events:
        payload = event.payload
        if (event.type, *payload) != shape or any(
            payload[key] != value for key, value in share.items()
        ):
            shape = (event.type, *payload)
            shared = _SHARED.get(event.type, ())
            share = {key: payload[key] for key in shared if key in payload}
            keys = [key for key in payload if key not in share]
            table = {"type": event.type, "share": share, "keys": keys}
            items.append(table)
        now = _microseconds(event.ts)
        items.append([now - at, *[payload[key] for key in keys]])
        at = now
    return Packed(events[0].seq, events[-1].seq, began_at, at, table, items)


def _unpack(run_id: UUID, packed: Packed) -> Iterator[RunEvent]:
    seq, at = packed.first, packed.began_at
    table = packed.table
    for item in packed.items:
        if isinstance(item, dict):
            table = item
            continue
        at += item[0]
        yield RunEvent(
            run_id=run_id,
            seq=seq,
            ts=_EPOCH + timedelta(microseconds=at),
            type=table["type"],
            payload={
                **table["share"],
                **dict(zip(table["keys"], item[1:], strict=True)),
            },
        )
        seq += 1


def _microseconds(ts: datetime) -> int:
    return (ts - _EPOCH) // _MICROSECOND
