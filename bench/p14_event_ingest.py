"""P14: how fast a run's events become rows, beside bare inserts into the same database."""

import asyncio
import gc
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from sqlmodel import insert

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.run_events import Log, RunStatus
from app.backend.core.settings import Settings
from app.backend.core.stored_events import RunEvent
from app.backend.runs.event_log import EventLog
from app.backend.runs.tables import RunEventRow, RunRow
from bench.report import Row, percentile, report
from tests.factories.rows import RowFactory
from tests.stack import start_stack

EVENTS = 20_000
BATCH = 500
ROUNDS = 3
PACE = 1000
GOAL = "at least 10,000 events/s, at most 50 ms added"


async def main(settings: Settings) -> None:
    """Insert bare rows, write logs as fast as they go, and at a pace to see what is added."""
    rates: dict[str, list[float]] = {"bare inserts of 500": [], "event log": []}
    waits: list[float] = []
    async with bootstrap.build(settings) as services:
        actor = await RowFactory(services.db).user()
        gc.collect()
        gc.freeze()  # as a worker does before its first job
        for _ in range(ROUNDS):
            rates["bare inserts of 500"].append(await _insert_bare(services, actor))
            rates["event log"].append(await _write_log(services, actor))
        waits = await _write_paced(services, actor)
    middle = {name: percentile(found, 50) for name, found in rates.items()}
    rows: list[Row] = [
        {
            "way": name,
            "events/s": middle[name],
            "of bare": middle[name] / middle["bare inserts of 500"],
            "p50 ms added": percentile(waits, 50) if name == "event log" else "",
            "p99 ms added": percentile(waits, 99) if name == "event log" else "",
        }
        for name in rates
    ]
    report("p14_event_ingest", f"{EVENTS:,} events into rows", rows, goal=GOAL)


async def _new_run(services: Services, actor: Actor) -> RunRow:
    rows = RowFactory(services.db)
    return await rows.run(actor, status=RunStatus.RUNNING, epoch=1)


async def _insert_bare(services: Services, actor: Actor) -> float:
    run = await _new_run(services, actor)
    began = perf_counter()
    for first in range(0, EVENTS, BATCH):
        rows = [
            {
                "run_id": run.id,
                "seq": seq,
                "owner_id": actor.user_id,
                "ts": clock.now(),
                "type": "log",
                "level": "info",
                "payload": {"level": "info", "message": f"Line {seq}."},
            }
            for seq in range(first + 1, first + BATCH + 1)
        ]
        async with services.db.transaction() as session:
            await session.exec(insert(RunEventRow), params=rows)
    return EVENTS / (perf_counter() - began)


async def _write_log(services: Services, actor: Actor) -> float:
    run = await _new_run(services, actor)
    began = perf_counter()
    async with EventLog(services.db, run, services.streams.add) as log:
        for number in range(EVENTS):
            log.append(Log(message=f"Line {number}."))
            if number % BATCH == 0:
                await log.flush()
        await log.flush()
        took = perf_counter() - began
    return EVENTS / took


async def _write_paced(services: Services, actor: Actor) -> list[float]:
    run = await _new_run(services, actor)
    waits: list[float] = []

    def tell(stored: Sequence[Sequence[RunEvent]]) -> None:
        now = clock.now()
        waits.extend(
            (now - event.ts).total_seconds() * 1000
            for events in stored
            for event in events
        )

    async with EventLog(services.db, run, tell) as log:
        for number in range(PACE * 2):
            log.append(Log(message=f"{ids.new_id()} {number}"))
            await asyncio.sleep(1 / PACE)
        await log.flush()
    return waits


if __name__ == "__main__":
    with (
        start_stack("sqlite") as stack,
        tempfile.TemporaryDirectory() as folder,
        stack.make_installation(Path(folder) / "data") as chosen,
    ):
        asyncio.run(main(chosen))
