"""What an AG-UI client follows: the log of a run, with what the runs below it ask while it waits for them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from app.backend.api.parts import Feed
from app.backend.core.run_events import ChildStarted
from app.backend.core.stored_events import RunEvent

_STARTS = "child_started"
_ASKING = frozenset({"run_waiting", "run_resumed"})


async def follow_tree(feed: Feed, run_id: UUID) -> AsyncGenerator[list[RunEvent], None]:
    """Yield the events of a run from its first on; of each run that it starts, the questions at their place.

    A run that waits for another one says nothing meanwhile, so there is one order, and it is the same each time.
    """
    async with aclosing(feed.follow(run_id, 0)) as batches:
        async for batch in batches:
            said: list[RunEvent] = []
            for stored in batch:
                said.append(stored)
                started = _started(stored)
                if started is None:
                    continue
                yield said
                said = []
                async with aclosing(_questions(feed, started)) as asked:
                    async for questions in asked:
                        yield questions
            if said:
                yield said


def _started(stored: RunEvent) -> UUID | None:
    """Return the run that was started, if one was."""
    event = stored.event() if stored.type == _STARTS else None
    return event.run_id if isinstance(event, ChildStarted) else None


async def _questions(feed: Feed, run_id: UUID) -> AsyncGenerator[list[RunEvent], None]:
    async with aclosing(follow_tree(feed, run_id)) as batches:
        async for batch in batches:
            asked = [stored for stored in batch if stored.type in _ASKING]
            if asked:
                yield asked
