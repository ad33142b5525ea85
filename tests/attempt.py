"""One attempt at a run, in a process that dies when it is done or where a test says: a worker without its queue."""

import asyncio
import sys
from uuid import UUID

from app.backend import bootstrap
from app.backend.core import settings
from app.backend.runs import executor
from tests.fakes.knowledge import FakeEmbedder


async def _attempt(run_id: UUID) -> None:
    embedder = FakeEmbedder()
    async with bootstrap.build(settings.load(), local_embedder=embedder) as services:
        await executor.execute_run(
            services, run_id, worker="attempt", shutdown=asyncio.Event()
        )


def main() -> None:
    """Try the run that the first argument names."""
    asyncio.run(_attempt(UUID(sys.argv[1])))
