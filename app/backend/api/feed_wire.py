"""The short form in which the /feed namespace sends a run's events: what neighbours share is said once.

A batch is a list of items. An object opens a table: the `type` of its rows, the values that all of them `share`, and
the `keys` of the other values. An array is a row of the open table: milliseconds since the event before, then a value
for each key. `seq` is not sent: a stream says after which one it begins, and there are no holes. The browser's
side is `feed_wire.js`.
"""

from collections.abc import Sequence
from typing import Any

from app.backend.core.run_events import RunEvent

Item = dict[str, Any] | list[Any]

# What the events of one type mostly have in common with the one before.
_SHARED = {
    "log": frozenset({"level"}),
    "message_delta": frozenset({"message_id"}),
    "reasoning_delta": frozenset({"message_id"}),
}


class Packer:
    """Packs the batches of one stream, in order; a table stays open from batch to batch."""

    def __init__(self) -> None:
        self._table: Item = {}
        self._at = 0

    def pack(self, batch: Sequence[RunEvent]) -> list[Item]:
        """Return the items of the next batch."""
        items: list[Item] = []
        for event in batch:
            shared = _SHARED.get(event.type, frozenset())
            keys = [key for key in event.payload if key not in shared]
            table: Item = {
                "type": event.type,
                "share": {
                    key: event.payload[key] for key in event.payload.keys() & shared
                },
                "keys": keys,
            }
            if table != self._table:
                items.append(table)
                self._table = table
            at = round(event.ts.timestamp() * 1000)
            items.append([at - self._at, *(event.payload[key] for key in keys)])
            self._at = at
        return items
