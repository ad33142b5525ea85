"""How long the steps of runs are kept: what waits or goes on always, of the rest the newest, for some days.

A run is kept or deleted as a whole: a list that only grows is read back from all checkpoints before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.backend.agents.checkpoints import STORE_AWAY, Checkpoints
from app.backend.agents.storage import StorageUse, measure
from app.backend.core import acting, clock
from app.backend.core.db import Database
from app.backend.core.settings import Settings
from app.backend.runs import retention_repository as repository
from app.backend.runs.errors import StoreAway

GONE_PER_SWEEP = 200


class Pruned(BaseModel):
    """What was deleted, or would be."""

    model_config = ConfigDict(frozen=True)

    runs: int = Field(description="Runs whose steps go.")
    steps: int = Field(description="Their steps.")
    bytes: int = Field(description="About how much room these take in the store.")
    is_dry_run: bool

    @property
    def words(self) -> str:
        """How many steps of how many runs."""
        steps = "1 step" if self.steps == 1 else f"{self.steps:,} steps"
        return f"{steps} of {'1 run' if self.runs == 1 else f'{self.runs:,} runs'}"


@dataclass(frozen=True)
class Retention:
    """Deletes checkpoints that nobody needs any more."""

    db: Database
    checkpoints: Checkpoints
    settings: Settings

    async def prune(self, *, is_dry_run: bool = False) -> Pruned:
        """Delete the steps of runs that ended long ago, or were deleted, and of those that are too many.

        Raises:
            StoreAway: the store of checkpoints is away.
        """
        # Everybody's steps, whoever asks for it.
        with acting.as_system():
            found, steps = await self._find_unneeded()
            size = await self._estimate(steps)
            if not is_dry_run:
                await self._forget(list(found))
        return Pruned(runs=len(found), steps=steps, bytes=size, is_dry_run=is_dry_run)

    async def sweep_gone(self) -> int:
        """Delete the checkpoints of runs and conversations that were deleted; returns of how many runs."""
        async with self.db.read() as session:
            found = await repository.find_gone(session, limit=GONE_PER_SWEEP)
        await self._forget(found)
        return len(found)

    async def measure(self) -> StorageUse:
        """Return how much the store holds.

        Raises:
            StoreAway: it is away.
        """
        try:
            return await measure(await self.checkpoints.open())
        except STORE_AWAY as error:
            raise StoreAway from error

    async def _find_unneeded(self) -> tuple[set[UUID], int]:
        before = clock.now() - timedelta(days=self.settings.checkpoint_days)
        keep = self.settings.checkpoints_per_thread
        async with self.db.read() as session:
            found = {
                *await repository.find_gone(session),
                *await repository.find_stale(session, before),
                *await repository.find_surplus(session, keep=keep),
            }
            return found, await repository.count_steps(session, list(found))

    async def _estimate(self, steps: int) -> int:
        # The share of these steps: what each takes would have to be read.
        if not steps:
            return 0
        use = await self.measure()
        return use.bytes * steps // max(use.rows, steps)

    async def _forget(self, run_ids: Sequence[UUID]) -> None:
        for run_id in run_ids:
            async with self.db.read() as session:
                threads = await repository.list_saver_threads(session, run_id)
            try:
                await self.checkpoints.forget(threads)
            except STORE_AWAY as error:
                raise StoreAway from error
            # The links go last: what a crash leaves in the saver is found again.
            async with self.db.transaction() as session:
                await repository.delete_steps(session, run_id)
