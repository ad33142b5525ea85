"""P4: what a durable step of a graph costs on PostgreSQL: stored before the next one, linked to the run's rows."""

import asyncio
import gc
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter

from app.backend import bootstrap
from app.backend.agents.saved_steps import LinkedSaver
from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.core.run_events import Log, RunStatus
from app.backend.core.settings import Settings
from app.backend.runs.event_log import EventLog
from bench.report import Row, percentile, report
from bench.stepping import Growing, run_steps
from tests.factories.rows import RowFactory
from tests.stack import start_stack

STEPS = 200
ROUNDS = 5
SIZE = 500
GOAL = "ours: at most 2 ms in all"


async def main(settings: Settings) -> None:
    """Run the same graph without a store, with the bare saver, and as a worker does; the three take turns."""
    async with bootstrap.build(settings) as services:
        actor = await RowFactory(services.db).user()
        saver = await services.checkpoints.open()
        ways: dict[str, Callable[[], Awaitable[None]]] = {
            "no checkpoints": lambda: run_steps(
                Growing, None, "", steps=STEPS, size=SIZE
            ),
            "LangGraph's saver": lambda: run_steps(
                Growing, saver, str(ids.new_id()), steps=STEPS, size=SIZE
            ),
            "ours, with links and events": lambda: _run_ours(services, actor),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for way in ways.values():
            await way()
        gc.collect()
        gc.freeze()
        for _ in range(ROUNDS):
            for name, way in ways.items():
                began = perf_counter()
                await way()
                times[name].append((perf_counter() - began) * 1000 / STEPS)
    bare = percentile(times["LangGraph's saver"], 50)
    rows: list[Row] = [
        {
            "way": name,
            "ms a step": percentile(found, 50),
            "best": min(found),
            "added to the saver": percentile(found, 50) - bare,
        }
        for name, found in times.items()
    ]
    report("p4_durable_step", f"A durable step, mean of {STEPS}", rows, goal=GOAL)


async def _run_ours(services: Services, actor: Actor) -> None:
    rows = RowFactory(services.db)
    run = await rows.run(actor, status=RunStatus.RUNNING, epoch=1)
    async with EventLog(services.db, run, services.streams.add) as log:
        saver = LinkedSaver(await services.checkpoints.open(), log.note_step)
        await run_steps(
            Growing,
            saver,
            f"{run.id}:1",
            steps=STEPS,
            size=SIZE,
            after=lambda: log.append(Log(message="A step.")),
        )
        await log.flush()


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as name,
        start_stack("postgres") as stack,
        stack.make_installation(Path(name)) as made,
    ):
        asyncio.run(main(made))
