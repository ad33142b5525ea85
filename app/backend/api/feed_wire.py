"""Joins a run's batches for one viewer of the /feed namespace: what the batch before has said is not said again.

`app/backend/runs/packing.py` tells what a batch is; the browser's side is `feed_wire.js`.
"""

from collections.abc import Sequence

from app.backend.runs.packing import Batch, Row, Table


class Joiner:
    """Joins the batches of one stream, in order; a table stays open from batch to batch."""

    def __init__(self) -> None:
        self._table: Table = {}
        self._at = 0

    def join(self, batches: Sequence[Batch]) -> list[Table | Row]:
        """Return the items of the next batches, as one."""
        items: list[Table | Row] = []
        for batch in batches:
            packed = batch.packed
            table, (_, *values), *others = packed.items
            if table != self._table:
                items.append(table)
            items.append([packed.began_at - self._at, *values])
            items += others
            self._table, self._at = packed.table, packed.ended_at
        return items
