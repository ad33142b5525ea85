"""Of several schedulers one is active; another takes over when it is frozen or killed."""

import asyncio
import os
import signal
from collections.abc import Callable

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.settings import Settings
from app.backend.system.scheduling import ActiveScheduler, find_active
from tests.processes import ForkServer

TAKE_OVER_SECONDS = 10.0


async def active(
    services: Services, is_there: Callable[[ActiveScheduler], bool], seconds: float
) -> ActiveScheduler:
    """Return the active scheduler once it is the one that is waited for."""
    end = clock.monotonic() + seconds
    while clock.monotonic() < end:
        found = await find_active(services.redis)
        if found is not None and is_there(found):
            return found
        await asyncio.sleep(0.05)
    message = f"No such scheduler became active in {seconds} s."
    raise TimeoutError(message)


async def test_scheduler_that_is_frozen_or_killed_is_replaced(
    services: Services, settings: Settings, fork_server: ForkServer
) -> None:
    started = [fork_server.start("app.workers.scheduler", settings) for _ in range(2)]
    both = {fork.pid: fork for fork in started}
    first = await active(services, lambda found: found.pid in both, 30)

    os.kill(first.pid, signal.SIGSTOP)
    second = await active(
        services, lambda found: found.pid != first.pid, TAKE_OVER_SECONDS
    )
    os.kill(first.pid, signal.SIGCONT)
    both[second.pid].kill()
    third = await active(
        services, lambda found: found.pid != second.pid, TAKE_OVER_SECONDS
    )

    assert {first.pid, second.pid} == set(both)
    assert third.pid == first.pid
    # The one that was frozen did not go on as if nothing had happened.
    assert first.since < second.since < third.since
    both[first.pid].stop()
