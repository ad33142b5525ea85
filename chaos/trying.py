"""Tries one fault on an installation of its own."""

from pathlib import Path
from typing import Any

from chaos.fault import Fault
from chaos.ground import open_ground
from chaos.outcome import Outcome
from tests.processes import ForkServer
from tests.stack import Stack


async def try_fault(
    stack: Stack,
    server: ForkServer,
    folder: Path,
    fault: Fault,
    seed: int,
    rounds: int,
    **changes: Any,
) -> Outcome:
    """Try `fault` as often as `rounds` says; `changes` are further settings."""
    changes = {**fault.changes, **changes}
    async with open_ground(stack, server, folder, seed, **changes) as ground:
        return await fault.play(ground, rounds)
