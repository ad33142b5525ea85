"""Searches in long logs: a sieve tells which stretches of a log cannot have a text, so that the others alone are read.

It has a bit for each stretch and each of 32,768 groups of four letters, and is made once, when the run has ended
(`docs/decisions/0036-a-long-log-has-a-sieve.md`).
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Connection, Text, cast, func
from sqlmodel import col, insert, select

from app.backend.core.actor import Actor
from app.backend.core.db import Database, Session
from app.backend.core.rows import visible_to
from app.backend.runs.repository import fetch
from app.backend.runs.tables import RunEventRow, RunRow, RunSieveRow

# A shorter log is read in a few milliseconds.
EVENTS_MIN = 10_000
STRETCH = 1_000
_BITS = 15
_LETTERS = 4
_ASKED_MAX = 8
# With more of it to be read, one question is quicker than several.
_SHARE_MAX = 0.25
_FACTOR = np.uint32(2_654_435_761)  # spreads neighbours (Knuth)

Window = tuple[int, int]


async def make_sieve(db: Database, run_id: UUID, *, events: int) -> bool:
    """Make the sieve of a log that is complete, unless it is short; tells whether it did."""
    if events < EVENTS_MIN:
        return False
    # Not in the queue of those who write often: a long log takes a while.
    make = partial(_make, run_id=run_id, events=events)
    await asyncio.to_thread(db.write_now, make)
    return True


async def find_windows(
    session: Session, actor: Actor, run_id: UUID, part: str
) -> list[Window] | None:
    """Return which stretches of a log, from `seq` to `seq`, may have `part` in their JSON; None where all may."""
    places = _places_of(part.encode())[:: max(1, len(part) // _ASKED_MAX)]
    if not len(places):
        return None
    width = col(RunSieveRow.width)
    query = (
        visible_to(actor, RunRow)
        .join(RunSieveRow, col(RunSieveRow.run_id) == col(RunRow.id))
        .where(col(RunRow.id) == run_id)
        .with_only_columns(
            col(RunSieveRow.events),
            *(
                func.substr(col(RunSieveRow.bits), width * int(place) + 1, width)
                for place in places[:_ASKED_MAX]
            ),
        )
    )
    found = await fetch(session, query)
    if not found:
        return None
    events, *rows = found[0]
    kept = np.bitwise_and.reduce([np.frombuffer(row, np.uint8) for row in rows])
    stretches = np.flatnonzero(np.unpackbits(kept, bitorder="little"))
    if len(stretches) * STRETCH > events * _SHARE_MAX:
        return None
    return _merged(stretches.tolist())


def _merged(stretches: Sequence[int]) -> list[Window]:
    windows: list[Window] = []
    for stretch in stretches:
        first, last = stretch * STRETCH + 1, (stretch + 1) * STRETCH
        if windows and windows[-1][1] == first - 1:
            first = windows.pop()[0]
        windows.append((first, last))
    return windows


def _make(connection: Connection, run_id: UUID, events: int) -> None:
    stretches = -(-events // STRETCH)
    bits = np.zeros((1 << _BITS, -(-stretches // 8)), np.uint8)
    text: Any = func.lower(cast(RunEventRow.payload, Text))
    for stretch in range(stretches):
        first = stretch * STRETCH
        query = select(text).where(  # lint-skip: repo-scope - the engine's own run
            col(RunEventRow.run_id) == run_id,
            col(RunEventRow.seq) > first,
            col(RunEventRow.seq) <= first + STRETCH,
        )
        said = "\0".join(connection.execute(query).scalars())
        bits[_places_of(said.encode()), stretch >> 3] |= np.uint8(1 << (stretch & 7))
    connection.execute(
        insert(RunSieveRow).values(
            run_id=run_id, events=events, width=bits.shape[1], bits=bits.tobytes()
        )
    )


def _places_of(text: bytes) -> Any:
    """Return where the sieve has each group of letters of a text."""
    letters = np.frombuffer(text, np.uint8).astype(np.uint32)
    size = max(0, len(letters) - _LETTERS + 1)
    groups = np.zeros(size, np.uint32)
    for place in range(_LETTERS):
        groups |= letters[place : place + size] << np.uint32(8 * place)
    return (groups * _FACTOR) >> np.uint32(32 - _BITS)
