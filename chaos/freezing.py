"""Stops processes in the middle of whatever they do, without telling them, and lets them go on."""

import contextlib
import os
import signal
from collections.abc import Sequence
from uuid import UUID

import psutil

from app.backend.core.run_events import RunStatus
from app.backend.runs import engine_repository
from chaos.ground import Ground
from tests.processes import Fork


def horses_of(worker: Fork) -> list[psutil.Process]:
    """Return the children that carry out a worker's jobs, with the one in reserve."""
    try:
        return psutil.Process(worker.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


async def kill_horse_of(ground: Ground, run_id: UUID) -> bool:
    """Kill the process that carries out the run, and leave its worker alive; False when nobody has it."""
    async with ground.services.db.read() as session:
        row = await engine_repository.find_run(session, run_id)
    if row is None or row.status != RunStatus.RUNNING:
        return False
    pid = ground.horse_pid(row.worker)
    is_ours = any(
        pid == horse.pid
        for worker in ground.workers.values()
        for horse in horses_of(worker)
    )
    if is_ours:
        os.kill(pid, signal.SIGKILL)
    return is_ours


def freeze(worker: Fork) -> list[psutil.Process]:
    """Freeze a worker and its children as they are; returns them."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [psutil.Process(worker.pid), *horses_of(worker)]
        _send(family, signal.SIGSTOP)
        return family
    return []


def thaw(family: Sequence[psutil.Process]) -> None:
    """Let frozen processes go on."""
    _send(family, signal.SIGCONT)


def _send(family: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
