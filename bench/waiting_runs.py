"""Twenty runs that only wait for a hosted model, active at once on the default `make up`: what they hold in memory."""

import asyncio
import json
import re
import time
from pathlib import Path

import psutil

from app.backend import bootstrap
from app.backend.core.run_events import RunStatus
from app.backend.core.settings import PARTS_FILE
from bench.report import Row, report
from bench.running import running_product
from tests.factories.rows import RowFactory
from tests.product import Product
from tests.runs import Runs
from tests.stack import settings_of

RUNS = 20
IDLE_SECONDS = 10
START_SECONDS = 120
WAITS = 'scripted/{"first_token_seconds": 45, "text": "Done."}'
GOAL = "20 runs active at once within 3,000 MB; idle <= 750 MB"


def main() -> None:
    """Measure before, while they wait, and after."""
    with running_product() as product:
        rows = asyncio.run(_measure(product))
    report("waiting_runs", f"{RUNS} runs that wait at once", rows, goal=GOAL)


async def _measure(product: Product) -> list[Row]:
    parts = json.loads((product.data_dir / PARTS_FILE).read_text())
    settings = settings_of(product.data_dir, **{"secret_key": None, **parts})
    async with bootstrap.build(settings) as services:
        factory = RowFactory(services.db)
        owner = await factory.user()
        agent = await factory.agent(owner, model=WAITS)
        runs = Runs(services, owner)
        await asyncio.sleep(IDLE_SECONDS)
        found = [_row(product, "idle", 0.0)]
        begun = time.monotonic()
        started = [await runs.start(agent.id) for _ in range(RUNS)]
        for run in started:
            await runs.wait(
                run.id,
                lambda run: run.status == RunStatus.RUNNING,
                seconds=START_SECONDS,
            )
        seconds = time.monotonic() - begun
        statuses = {(await runs.get(run.id)).status for run in started}
        assert statuses == {RunStatus.RUNNING}, statuses
        found.append(_row(product, f"{RUNS} runs wait", seconds))
        for run in started:
            ended = await runs.wait(run.id, seconds=START_SECONDS)
            assert ended.status == RunStatus.COMPLETED, ended.error
        found.append(_row(product, "after them", time.monotonic() - begun))
    return found


def _row(product: Product, what: str, seconds: float) -> Row:
    family = product.processes()
    return {
        "what": what,
        "all PSS, MB": round(sum(_pss(process) for process in family)),
        "processes": len(family),
        "after s": round(seconds, 1),
    }


def _pss(process: psutil.Process) -> float:
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    match = re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)
    return int(match.group(1)) / 1024 if match else 0.0


if __name__ == "__main__":
    main()
