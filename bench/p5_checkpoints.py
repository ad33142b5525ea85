"""P5: what the checkpoints of a run take up, with a list that each step adds 500 bytes to."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from app.backend.agents.checkpoints import Checkpoints
from app.backend.agents.storage import measure
from app.backend.core.settings import Settings
from bench.report import Row, report
from bench.stepping import Growing, Whole, run_steps
from tests.stack import start_stack

SIZE = 500
LENGTHS = (200, 400, 2_000)
STORES = ("sqlite", "database", "redis")
GOAL = "200 steps: at most 1 MB; linear"


async def main(settings: Settings) -> None:
    """Run graphs of several lengths on each store; the plain list only once, it grows with the square."""
    rows: list[Row] = []
    for store in STORES:
        plain = await _measure(settings, store, Whole, LENGTHS[0])
        rows.append(_row(store, "plain list", LENGTHS[0], plain))
        for length in LENGTHS:
            taken = await _measure(settings, store, Growing, length)
            rows.append(_row(store, "ours", length, taken))
    report("p5_checkpoints", f"Checkpoints, {SIZE} bytes a step", rows, goal=GOAL)


def _row(store: str, way: str, steps: int, size: int) -> Row:
    name = "postgresql" if store == "database" else store
    megabytes = size / 1e6
    return {
        "store": name,
        "list": way,
        "steps": steps,
        "MB": megabytes,
        "bytes a step": size // steps,
    }


async def _measure(settings: Settings, store: str, state: type[Any], steps: int) -> int:
    values: dict[str, Any] = {"checkpointer": store}
    if store == "sqlite":
        values = {"checkpointer": "database", "database_url": ""}
    checkpoints = Checkpoints(settings.model_copy(update=values))
    saver = await checkpoints.open()
    before = (await measure(saver)).bytes
    await run_steps(state, saver, f"{state.__name__}-{steps}", steps=steps, size=SIZE)
    taken = (await measure(saver)).bytes - before
    await checkpoints.close()
    return taken


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as name,
        start_stack("postgres") as stack,
        stack.make_installation(Path(name)) as made,
    ):
        asyncio.run(main(made))
