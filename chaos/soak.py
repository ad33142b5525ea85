"""R-17: runs for a long time at a steady rate, and nothing grows: `python -m chaos.soak --minutes 5`."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from uuid import UUID

import psutil
from sqlmodel import col, func, select

from app.backend.core import clock
from app.backend.core.outbox import OutboxRow
from app.backend.core.run_events import RunStatus
from app.backend.runs.tables import CheckpointLinkRow, RunEventRow, RunRow
from app.backend.threads.tables import MessageRow
from chaos.fault import STACKS
from chaos.ground import Ground, open_ground
from chaos.outcome import percentile
from chaos.viewers import open_client
from tests.processes import ForkServer
from tests.stack import start_stack

WORKERS = 2
SAMPLES = 40
SAMPLE_SECONDS_MIN = 3.0
OPEN_MAX = 100
END_SECONDS = 120.0
FOLLOWED = 10  # every tenth run has a viewer
# Of the time before it ends: compared is the quarter after the first one with the last one.
WARM, EARLY, LATE = 0.25, 0.5, 0.75
MEMORY_GROWTH_MAX, MEMORY_GROWTH_MAX_MB = 0.10, 10.0
FILES_GROWTH_MAX = 5.0
KEYS_GROWTH_MAX = 50
LATENCY_GROWTH_MAX, LATENCY_GROWTH_MAX_SECONDS = 1.5, 0.25
TABLES = (RunRow, RunEventRow, MessageRow, CheckpointLinkRow, OutboxRow)


@dataclass(frozen=True)
class Sample:
    """What there is at one moment: by kind of process how many, megabytes and open files of each on average."""

    at: float
    processes: Mapping[str, int]
    memory: Mapping[str, float]
    files: Mapping[str, float]
    redis_mb: float
    redis_keys: int
    lasting_keys: int
    rows: Mapping[str, int]

    def line(self) -> str:
        """Return it as a line."""
        parts = [
            f"{self.processes[kind]} {kind} {self.memory[kind]:.0f} MB {self.files[kind]:.0f} files"
            for kind in self.processes
        ]
        rows = ", ".join(f"{count:,} {name}" for name, count in self.rows.items())
        redis = f"Redis {self.redis_mb:.1f} MB, {self.redis_keys:,} keys, {self.lasting_keys} lasting"
        return f"{self.at:6.0f} s  {'; '.join(parts)}; {redis}; {rows}"


@dataclass
class Soak:
    """The steady work, and what was seen meanwhile."""

    ground: Ground
    kinds: Mapping[int, str]
    seconds: float
    rate: float
    began: float
    samples: list[Sample]
    ended: list[tuple[float, float]]
    answers: Counter[str]

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return clock.monotonic() - self.began

    async def work(self) -> None:
        """Start runs at the rate until the time is over, and wait for the last ones."""
        agent = await self.ground.add_agent(tokens=20, tokens_per_second=100)
        slots = asyncio.Semaphore(OPEN_MAX)
        async with open_client(self.ground) as client, asyncio.TaskGroup() as group:

            async def one(number: int) -> None:
                try:
                    address = f"/api/v1/agents/{agent}/runs"
                    began = self.now
                    answer = await client.post(address, json={"input": {"query": "?"}})
                    run_id = UUID(answer.raise_for_status().json()["id"])
                    if number % FOLLOWED == 0:
                        headers = {"Accept": "text/event-stream"}
                        events = f"/api/v1/runs/{run_id}/events"
                        await client.get(events, headers=headers, timeout=END_SECONDS)
                    run = await self.ground.runs.wait(run_id, seconds=END_SECONDS)
                    self.answers[run.status] += 1
                    assert run.completed_at is not None
                    took = (run.completed_at - run.created_at).total_seconds()
                    self.ended.append((began, took))
                except Exception as error:  # noqa: BLE001 - one run that breaks must not end the soak
                    self.answers[f"{type(error).__name__}: {error}"] += 1
                finally:
                    slots.release()

            number = 0
            while self.now < self.seconds:
                await slots.acquire()
                group.create_task(one(number))
                number += 1
                await asyncio.sleep(max(0.0, number / self.rate - self.now))

    async def watch(self) -> None:
        """Look at everything now and then."""
        pause = max(SAMPLE_SECONDS_MIN, self.seconds / SAMPLES)
        while self.now < self.seconds:
            await asyncio.sleep(pause)
            self.samples.append(await self.look())
            print(self.samples[-1].line(), flush=True)

    async def look(self) -> Sample:
        """Return what there is now."""
        memory, files = (
            defaultdict[str, list[float]](list),
            defaultdict[str, list[float]](list),
        )
        for kind, process in self._processes():
            try:
                memory[kind].append(process.memory_full_info().pss / 1e6)
                files[kind].append(process.num_fds())
            except psutil.NoSuchProcess:
                continue
        redis = self.ground.services.redis
        keys = [key async for key in redis.scan_iter(count=1000)]
        async with redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.ttl(key)
            ages = await pipe.execute()
        used = await redis.info("memory")
        return Sample(
            at=self.now,
            processes={kind: len(found) for kind, found in memory.items()},
            memory={kind: sum(found) / len(found) for kind, found in memory.items()},
            files={kind: sum(found) / len(found) for kind, found in files.items()},
            redis_mb=used["used_memory"] / 1e6,
            redis_keys=len(keys),
            lasting_keys=sum(age == -1 for age in ages),
            rows=await self._count_rows(),
        )

    async def problems(self) -> list[str]:
        """Return what has grown, and what was left behind."""
        found = [
            f"{count} runs: {what}"
            for what, count in self.answers.items()
            if what != RunStatus.COMPLETED
        ]
        found += grown(self.samples, self.seconds)
        before, after = self._latency(early=True), self._latency(early=False)
        if after > before * LATENCY_GROWTH_MAX + LATENCY_GROWTH_MAX_SECONDS:
            found.append(f"runs take {after:.2f} s, and took {before:.2f} s")
        return found + await self._left_behind()

    def latency(self) -> str:
        """Return how long runs took, early and late."""
        return "; ".join(
            f"{name} p50 {self._latency(early=is_early):.2f} s, p95 {self._latency(95, early=is_early):.2f} s"
            for name, is_early in (("early", True), ("late", False))
        )

    def _latency(self, percent: int = 50, *, early: bool) -> float:
        first, last = (WARM, EARLY) if early else (LATE, 1.0)
        times = [took for at, took in self.ended if first <= at / self.seconds < last]
        return percentile(times, percent) if times else 0.0

    def _processes(self) -> list[tuple[str, psutil.Process]]:
        found: list[tuple[str, psutil.Process]] = []
        for pid, kind in self.kinds.items():
            root = psutil.Process(pid)
            found.append((kind, root))
            found += [
                (f"{kind}'s child", child) for child in root.children(recursive=True)
            ]
        return found

    async def _count_rows(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        async with self.ground.services.db.read() as session:
            for table in TABLES:
                query = select(func.count()).select_from(table)
                counts[str(table.__tablename__)] = (await session.exec(query)).one()
        return counts

    async def _left_behind(self) -> list[str]:
        """Return the runs that go on and the leases and jobs that are held, when all work has ended."""
        await self.ground.services.outbox.settle()
        ended = [status for status in RunStatus if status.is_terminal]
        left = {
            "runs have not ended": col(RunRow.status).not_in(ended),
            "runs have a lease that nobody ends": col(RunRow.lease_until).is_not(None),
        }
        found: list[str] = []
        async with self.ground.services.db.read() as session:
            for what, term in left.items():
                query = select(func.count()).select_from(RunRow).where(term)
                if count := (await session.exec(query)).one():
                    found.append(f"{count} {what}")
        return found


def grown(samples: Sequence[Sample], seconds: float) -> list[str]:
    """Return what has grown between the early and the late samples of a soak of so many seconds."""
    early = [one for one in samples if WARM <= one.at / seconds < EARLY]
    late = [one for one in samples if one.at / seconds >= LATE]
    found: list[str] = []
    for kind in late[-1].memory:
        before, after = _middle(early, "memory", kind), _middle(late, "memory", kind)
        allowed = max(before * MEMORY_GROWTH_MAX, MEMORY_GROWTH_MAX_MB)
        if before and after - before > allowed:
            found.append(f"{kind} grew from {before:.0f} to {after:.0f} MB")
        before, after = _middle(early, "files", kind), _middle(late, "files", kind)
        if before and after - before > FILES_GROWTH_MAX:
            found.append(f"{kind} has {after:.0f} open files, and had {before:.0f}")
    before = median(one.lasting_keys for one in early)
    after = median(one.lasting_keys for one in late)
    if after - before > KEYS_GROWTH_MAX:
        found.append(f"{after:.0f} keys in Redis never expire; there were {before:.0f}")
    return found


def _middle(samples: Sequence[Sample], name: str, kind: str) -> float:
    values = [getattr(one, name)[kind] for one in samples if kind in getattr(one, name)]
    return median(values) if values else 0.0


async def soak(ground: Ground, *, minutes: float, rate: float) -> list[str]:
    """Do it, tell what is seen, and return what is wrong."""
    web = ground.machine.start_web()
    await ground.open(workers=WORKERS)
    kinds = {web.pid: "web", **dict.fromkeys(ground.workers, "worker")}
    work = Soak(ground, kinds, minutes * 60, rate, clock.monotonic(), [], [], Counter())
    async with asyncio.TaskGroup() as group:
        group.create_task(work.work())
        group.create_task(work.watch())
    print(f"{len(work.ended):,} runs; {work.latency()}")
    return await work.problems()


def main() -> int:
    """Read the arguments, work, and tell whether something has grown."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=4.0, help="runs a second")
    parser.add_argument("--stack", choices=STACKS, default=STACKS[0])
    wanted = parser.parse_args()

    async def play() -> list[str]:
        async with open_ground(
            stack, server, Path(folder), secrets.randbelow(10_000)
        ) as ground:
            return await soak(ground, minutes=wanted.minutes, rate=wanted.rate)

    with (
        start_stack(wanted.stack) as stack,
        ForkServer(stack) as server,
        tempfile.TemporaryDirectory(dir=stack.folder, prefix="soak") as folder,
    ):
        problems = asyncio.run(play())
    for problem in problems:
        print(f"FAILED: {problem}")
    print(
        "Something has grown or was left behind." if problems else "Nothing has grown."
    )
    return len(problems) > 0


if __name__ == "__main__":
    sys.exit(main())
