"""Turns the events that tell of calls of models into rows, in the transaction that stores the events.

So a call is counted exactly as often as it is told: a worker that has lost its run writes neither, and one that
writes a batch again writes both again or none.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlmodel import insert

from app.backend.core import clock, ids
from app.backend.core.db import Session
from app.backend.core.run_events import UsageRecorded
from app.backend.core.stored_events import RunEvent
from app.backend.usage.tables import UsageRecordRow

RECORDED = "usage_recorded"
# The place in a log of a call that is in none.
NO_LOG = 0
_TAKEN = (
    "tokens_in",
    "tokens_out",
    "tokens_cached",
    "tokens_reasoning",
    "window",
    "first_token_milliseconds",
    "milliseconds",
    "price",
    "cost_micros",
    "is_estimated",
    "outcome",
)


@dataclass(frozen=True)
class Whose:
    """On whose account the calls of a run are: its user and agent, and the first run of its tree with that one's agent.

    A call that no run made has `agent_name` for where it was made, and may be in no tree.
    """

    owner_id: UUID
    agent_id: UUID | None
    agent_name: str
    root_id: UUID | None
    root_agent_id: UUID | None


def record_usage(
    connection: Connection, events: Sequence[RunEvent], whose: Whose
) -> None:
    """Insert a row for each call of a model that `events` of one run tell of."""
    used = [event for event in events if event.type == RECORDED]
    if used:
        rows = [{**asdict(whose), **_row(event)} for event in used]
        connection.execute(insert(UsageRecordRow), rows)


async def record_call(
    session: Session,
    used: UsageRecorded,
    *,
    whose: Whose,
) -> RunEvent:
    """Insert a row for a call that no run made here, and return its event."""
    event = RunEvent.of(ids.new_id(), NO_LOG, clock.now(), used)
    session.add(UsageRecordRow(**asdict(whose), **_row(event)))
    await session.flush()
    return event


def _row(event: RunEvent) -> dict[str, Any]:
    payload = event.payload
    provider, _, _ = payload["model"].partition("/")
    return {
        "run_id": event.run_id,
        "seq": event.seq,
        "ts": event.ts,
        "day": event.ts.date(),
        "provider": provider,
        "model": payload["model"],
        **{name: payload[name] for name in _TAKEN},
    }
