"""Counts the lines of a log, by type and over time: what a reader sees of the part that is not loaded."""

from collections import Counter
from math import ceil
from uuid import UUID

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.run_events import Level
from app.backend.runs import repository
from app.backend.runs import service as runs
from app.backend.runs.schemas import EventCounts, EventStretch

STRETCHES = 120
# Part of a line that another event began, and shown in it.
PARTS_OF_LINES = frozenset(
    {
        "message_delta",
        "message_completed",
        "reasoning_delta",
        "tool_returned",
        "usage_recorded",
    }
)


async def count_events(session: Session, actor: Actor, *, run_id: UUID) -> EventCounts:
    """Return how many events of each type the run has, and how many lines it wrote when."""
    run = await runs.get_run(session, actor, run_id=run_id)
    stretch = max(1, ceil(run.last_seq / STRETCHES))
    found = await repository.count_events(session, actor, run_id, stretch=stretch)
    by_type: Counter[str] = Counter()
    for row in found:
        by_type[row.type] += row.size
    strip = [
        EventStretch(
            since=row.since, until=row.until, level=Level(row.level), count=row.size
        )
        for row in found
        if row.type not in PARTS_OF_LINES
    ]
    return EventCounts(by_type=dict(by_type), strip=strip)
