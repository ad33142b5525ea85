"""Waits for what must come back after a fault, and says how long it took."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from app.backend.core import clock
from app.backend.runs import engine_repository
from chaos.ground import Ground
from chaos.viewers import Viewer

POLL_SECONDS = 0.02
PATIENCE_SECONDS = 30.0


async def last_seqs(ground: Ground, run_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return the newest stored seq of each run."""
    async with ground.services.db.read() as session:
        found = await engine_repository.find_progress(session, run_ids)
    return {run_id: progress.last_seq for run_id, progress in found.items()}


async def when_caught_up(
    viewers: Mapping[UUID, Viewer], wanted: Mapping[UUID, int]
) -> list[float]:
    """Return after how many seconds each viewer had what was `wanted`; the patience itself for those who never had."""
    began = clock.monotonic()

    async def wait(viewer: Viewer, seq: int) -> float:
        while viewer.last_seq < seq and clock.monotonic() < began + PATIENCE_SECONDS:
            await asyncio.sleep(POLL_SECONDS)
        return clock.monotonic() - began

    tasks = [wait(viewers[run_id], seq) for run_id, seq in wanted.items()]
    return list(await asyncio.gather(*tasks))
