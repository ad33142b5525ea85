"""Where faults are tried: an installation with real processes, its owner, and the runs that suffer."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import psutil

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor, Role
from app.backend.core.run_events import RunStatus
from app.backend.core.stored_events import RunEvent
from app.backend.runs import engine_repository
from app.backend.runs.schemas import RunView
from app.backend.threads import service as threads
from app.backend.threads.schemas import MessageRole
from chaos.checks import examine
from chaos.outcome import Trial
from tests.factories.rows import RowFactory
from tests.machine import Machine, open_machine
from tests.processes import Fork, ForkServer
from tests.runs import Runs
from tests.stack import Stack

# Faults are what is tried here, not how many of them a run may suffer.
ATTEMPTS_MAX = 50
WARM_SECONDS = 60.0
END_SECONDS = 90.0


@dataclass
class Ground:
    """An installation, and what a fault test does with it."""

    machine: Machine
    services: Services
    actor: Actor
    rows: RowFactory
    runs: Runs
    random: Random
    workers: dict[int, Fork] = field(default_factory=dict[int, Fork])

    def add_worker(self) -> Fork:
        """Start one more worker."""
        worker = self.machine.start_worker()
        self.workers[worker.pid] = worker
        return worker

    def kill_worker(self, worker: Fork) -> datetime:
        """Kill a worker and its children; returns when."""
        del self.workers[worker.pid]
        now = clock.now()
        worker.kill()
        return now

    async def open(self, *, workers: int) -> Fork:
        """Start a scheduler and workers, and return the scheduler when each worker has had the time to get ready."""
        scheduler = self.machine.start_scheduler()
        for _ in range(workers):
            self.add_worker()
        agent = await self.add_agent(text="Ready.")
        warm = [await self.runs.start(agent) for _ in range(workers)]
        for run in warm:
            await self.runs.wait(run.id, seconds=WARM_SECONDS)
        return scheduler

    async def add_agent(self, *, name: str = "Actor", **script: Any) -> UUID:
        """Add an agent whose model plays `script`, and return its id."""
        model = f"scripted/{json.dumps(script)}"
        row = await self.rows.agent(self.actor, name=name, model=model, max_tokens=4000)
        return row.id

    async def as_somebody_else(self) -> "Ground":
        """Return the same installation as another user has it."""
        actor = await self.rows.user()
        return replace(self, actor=actor, runs=Runs(self.services, actor))

    async def worker_of(self, run_id: UUID) -> Fork | None:
        """Return the worker that has the run now."""
        async with self.services.db.read() as session:
            row = await engine_repository.find_run(session, run_id)
        if row is None or row.status != RunStatus.RUNNING:
            return None
        try:
            parents = psutil.Process(self.horse_pid(row.worker)).parents()
        except psutil.NoSuchProcess:
            return None
        found = [self.workers.get(parent.pid) for parent in parents]
        return next((worker for worker in found if worker), None)

    @staticmethod
    def horse_pid(signature: str) -> int:
        """Return the process id in what a horse signs its runs with."""
        return int(signature.rpartition(":")[2])

    async def wait_for_worker(self, run_id: UUID) -> Fork:
        """Return the worker that has the run as soon as one has it."""
        end = clock.monotonic() + END_SECONDS
        while (worker := await self.worker_of(run_id)) is None:
            if clock.monotonic() > end:
                message = "No worker took the run."
                raise TimeoutError(message)
            await asyncio.sleep(0.05)
        return worker

    def moments(self, count: int, first: float, last: float) -> list[float]:
        """Draw `count` random seconds between `first` and `last`."""
        return [self.random.uniform(first, last) for _ in range(count)]

    async def count_answers(self, run: RunView) -> int:
        """Return how often the run has answered in its conversation: once, or something was done twice."""
        if run.thread_id is None:
            return 0
        async with self.services.db.read() as session:
            messages = await threads.list_messages(
                session, self.actor, thread_id=run.thread_id
            )
        return sum(
            message.run_id == run.id and message.role == MessageRole.ASSISTANT
            for message in messages
        )

    async def judge(
        self,
        run_id: UUID,
        *,
        words: int,
        seen: Sequence[RunEvent] | None = None,
        seconds: float | None = None,
    ) -> Trial:
        """Wait for the end of a run that should complete with an answer of `words` words, and say what is wrong."""
        run = await self.runs.wait(run_id, seconds=END_SECONDS)
        found = examine(await self.runs.events(run_id), seen)
        answer = run.output.answer.split() if run.output else []
        answers = await self.count_answers(run)
        problem = found.problem
        if run.status != RunStatus.COMPLETED:
            problem = f"{run.status} ({run.error}); {problem}"
        elif answer != [f"word{n}" for n in range(1, words + 1)]:
            problem = f"the answer has {len(answer)} of {words} words; {problem}"
        elif answers != 1:
            problem = f"{answers} answers; {problem}"
        return Trial(problem, seconds, max(0, answers - 1), found.lost)

    async def watch(self, run_id: UUID) -> list[RunEvent]:
        """Return what a viewer of this process sees of the run, to its end."""
        seen: list[RunEvent] = []
        async with contextlib.aclosing(self.services.feed.follow(run_id)) as batches:
            async for batch in batches:
                seen += batch
        return seen


@asynccontextmanager
async def open_ground(
    stack: Stack, fork_server: ForkServer, folder: Path, seed: int, **changes: Any
) -> AsyncGenerator[Ground, None]:
    """Open a fresh installation; `changes` are settings that are not the default."""
    changes = {"run_attempts_max": ATTEMPTS_MAX, **changes}
    with (
        stack.make_installation(folder / "data") as settings,
        open_machine(stack, fork_server, settings, folder, **changes) as machine,
    ):
        async with bootstrap.build(machine.settings) as services:
            rows = RowFactory(services.db)
            actor = await rows.user(email="owner@example.org", role=Role.ADMIN)
            runs = Runs(services, actor)
            yield Ground(machine, services, actor, rows, runs, Random(seed))


async def in_lanes(
    count: int, lanes: int, work: Callable[[int], Awaitable[Trial]]
) -> list[Trial]:
    """Do `work` for 0 to `count` - 1, as many at once as there are lanes, and return what came out, in order."""
    numbers = iter(range(count))
    found: dict[int, Trial] = {}

    async def lane() -> None:
        for number in numbers:
            try:
                found[number] = await work(number)
            except Exception as error:  # noqa: BLE001 - one trial that breaks must not end the others
                found[number] = Trial(f"{type(error).__name__}: {error}")

    async with asyncio.TaskGroup() as group:
        for _ in range(min(lanes, count)):
            group.create_task(lane())
    return [found[number] for number in range(count)]
