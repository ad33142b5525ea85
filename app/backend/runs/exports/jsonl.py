"""A run's log as JSON, one event a line, as the API gives it."""

from collections.abc import AsyncIterator

from app.backend.core.stored_events import RunEvent


async def write(events: AsyncIterator[RunEvent]) -> AsyncIterator[str]:
    """Return the events, each as a line."""
    async for event in events:
        yield f"{event.model_dump_json()}\n"
