"""Calls of models that were made."""

from datetime import UTC, datetime, time
from typing import Any

from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.db import Database
from app.backend.usage.tables import UsageRecordRow


def usage_row(actor: Actor, **overrides: Any) -> UsageRecordRow:
    """Return a call of the actor's."""
    day = overrides.get("day") or clock.now().date()
    values: dict[str, Any] = {
        "run_id": ids.new_id(),
        "seq": 1,
        "owner_id": actor.user_id,
        "agent_name": "Clerk",
        "ts": datetime.combine(day, time(12), UTC),
        "day": day,
        "provider": "p",
        "model": "p/a",
        "tokens_in": 10,
        "tokens_out": 5,
        "tokens_cached": 0,
        "tokens_reasoning": 0,
        "first_token_milliseconds": 1.0,
        "milliseconds": 10.0,
        "price": "set 1/1/1",
        "cost_micros": 15,
        "is_estimated": False,
        "outcome": "completed",
        **overrides,
    }
    return UsageRecordRow(**values)


async def add_usage(db: Database, actor: Actor, **overrides: Any) -> UsageRecordRow:
    """Add a call of the actor's."""
    row = usage_row(actor, **overrides)
    async with db.transaction() as session:
        session.add(row)
    return row
