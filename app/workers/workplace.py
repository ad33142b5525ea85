"""Where a job's process works: an event loop with the parts open, made ready before there is a job."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlmodel import select

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core import settings as settings_module

_ready: list["_Workplace"] = []


def get_ready() -> None:
    """Open the parts of this process ahead of its job, and connect those that every run needs.

    Raises what the driver of a part raises that is away; the job then connects by itself.
    """
    place = _Workplace()
    _ready.append(place)
    place.run(_connect)


def do_job(work: Callable[[Services], Awaitable[None]]) -> None:
    """Do the one job of this process, then close the parts."""
    place = _ready.pop() if _ready else _Workplace()
    try:
        place.run(work)
    finally:
        place.close()


class _Workplace:
    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        # The engine of the parent has no connection, but has compiled the statements of a run.
        self._parts = bootstrap.build(settings_module.load(), shared=True)
        self._services = self._runner.run(self._parts.__aenter__())

    def run(self, work: Callable[[Services], Awaitable[None]]) -> None:
        async def steps() -> None:
            await work(self._services)

        self._runner.run(steps())

    def close(self) -> None:
        self._runner.run(self._close())
        self._runner.close()

    async def _close(self) -> None:
        await self._parts.__aexit__(None, None, None)


async def _connect(services: Services) -> None:
    async with services.db.read() as session:
        await session.exec(select(1))
    await services.redis.execute_command("PING")
    await services.checkpoints.open()
