"""Runs with stored steps, and what is left of them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.runs import engine_repository
from app.backend.runs.tables import RunRow
from tests.factories.rows import RowFactory


class KeptSteps:
    """Makes runs with stored steps, and looks at what is left of them."""

    def __init__(self, services: Services, actor: Actor, rows: RowFactory) -> None:
        self._services, self._actor, self._rows = services, actor, rows

    async def add(
        self,
        thread_id: UUID | None,
        status: RunStatus,
        *,
        days: int = 0,
        begins_at: UUID | None = None,
    ) -> UUID:
        """Add a run with two steps, which ended so many days ago; one that `begins_at` another's needs that one's."""
        ended = clock.now() - timedelta(days=days) if status.is_terminal else None
        row = await self._rows.run(
            self._actor, thread_id=thread_id, status=status, epoch=1, completed_at=ended
        )
        saver = await self._services.checkpoints.open()
        for number in range(2):
            place: Any = {"thread_id": f"{row.id}:1", "checkpoint_ns": ""}
            checkpoint: Any = {
                "v": 4,
                "id": f"{number}",
                "ts": "",
                "channel_values": {},
                "channel_versions": {},
                "versions_seen": {},
            }
            await saver.aput({"configurable": place}, checkpoint, {"step": number}, {})
            await self._link(row, f"{row.id}:1", number, epoch=1)
        if begins_at is not None:
            await self._link(row, f"{begins_at}:1", 0, epoch=0)
        return row.id

    async def left(self) -> set[UUID]:
        """Return the runs whose steps the store has."""
        saver = await self._services.checkpoints.open()
        threads = {
            item.config.get("configurable", {})["thread_id"]
            async for item in saver.alist(None)
        }
        return {UUID(thread.partition(":")[0]) for thread in threads}

    async def _link(self, row: RunRow, thread: str, number: int, *, epoch: int) -> None:
        step = engine_repository.SavedStep(thread, f"{number}", number)
        async with self._services.db.transaction() as session:
            await engine_repository.add_steps(
                session,
                [step],
                run_id=row.id,
                owner_id=row.owner_id,
                epoch=epoch,
                thread_id=row.thread_id,
            )
