"""Runs in tests: started as a person starts them, and awaited with patience that ends."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.stored_events import RunEvent
from app.backend.runs import service as runs
from app.backend.runs.schemas import EventFilter, RunDraft, RunView

WAIT_SECONDS = 30.0
POLL_SECONDS = 0.03


class Runs:
    """Starts, reads and awaits the runs of one actor."""

    def __init__(self, services: Services, actor: Actor) -> None:
        self._services = services
        self._actor = actor

    async def start(
        self,
        agent_id: UUID,
        query: str = "What is this?",
        *,
        thread_id: UUID | None = None,
    ) -> RunView:
        """Queue a run."""
        async with self._services.db.transaction() as session:
            return await runs.start_run(
                session,
                self._actor,
                agent_id=agent_id,
                draft=RunDraft(input={"query": query}, thread_id=thread_id),
                parts=self._services,
            )

    async def stop(self, run_id: UUID) -> RunView:
        """Press Stop."""
        async with self._services.db.transaction() as session:
            return await runs.stop_run(
                session, self._actor, run_id=run_id, parts=self._services
            )

    async def get(self, run_id: UUID) -> RunView:
        """Return the run as it is now."""
        async with self._services.db.read() as session:
            return await runs.get_run(session, self._actor, run_id=run_id)

    async def events(self, run_id: UUID) -> list[RunEvent]:
        """Return the whole log."""
        found: list[RunEvent] = []
        has_more = True
        while has_more:
            last = found[-1].seq if found else 0
            async with self._services.db.read() as session:
                page = await runs.list_events(
                    session,
                    self._actor,
                    run_id=run_id,
                    filter=EventFilter.model_validate({"after": last, "limit": 1000}),
                )
            found += page.items
            has_more = page.has_more
        return found

    async def wait(
        self,
        run_id: UUID,
        is_there: Callable[[RunView], bool] = lambda run: run.status.is_terminal,
        *,
        seconds: float = WAIT_SECONDS,
    ) -> RunView:
        """Return the run once `is_there(run)`; without it, once it has ended.

        Raises:
            TimeoutError: it did not come so far; the message tells how far it came.
        """
        end = clock.monotonic() + seconds
        while True:
            run = await self.get(run_id)
            if is_there(run):
                return run
            if clock.monotonic() > end:
                types = [event.type for event in await self.events(run_id)]
                message = (
                    f"After {seconds} s the run is {run.status}; its log: {types[-20:]}"
                )
                raise TimeoutError(message)
            await asyncio.sleep(POLL_SECONDS)

    async def wait_for_event(self, run_id: UUID, kind: str) -> None:
        """Return once the log has an event of type `kind`."""
        end = clock.monotonic() + WAIT_SECONDS
        while kind not in {event.type for event in await self.events(run_id)}:
            if clock.monotonic() > end:
                types = [event.type for event in await self.events(run_id)]
                message = f"No {kind} in the log: {types[-20:]}"
                raise TimeoutError(message)
            await asyncio.sleep(POLL_SECONDS)

    async def answer(self, run_id: UUID) -> str:
        """Return the text that the log shows, delta by delta."""
        return "".join(
            event.payload.get("text", "")
            for event in await self.events(run_id)
            if event.type == "message_delta"
        )


def assert_log_is_whole(events: list[RunEvent]) -> None:
    """Check what holds for every log: seq from 1 without holes, one end, nothing after it."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    ends = {"run_completed", "run_failed", "run_stopped", "run_timed_out"}
    assert [event.type in ends for event in events].count(True) <= 1
    if any(event.type in ends for event in events):
        assert events[-1].type in ends
