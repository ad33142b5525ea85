"""The workers that live now, by what they say of themselves in Redis."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from redis.asyncio import Redis

from app.backend.core import clock

# A horse says four times a minute that it lives, and every second while it waits for a job.
SILENCE_MAX = timedelta(seconds=60)


class HorseView(BaseModel):
    """A process that does one job at a time.

    `job_id` names what the job was made for; a job of runs takes the run that is next in line, which is seldom that one.
    """

    model_config = ConfigDict(frozen=True)

    pid: int
    job_id: str = ""
    jobs_done: int = 0
    started_at: datetime | None = None
    seen_at: datetime


class WorkerView(BaseModel):
    """A worker and its processes."""

    model_config = ConfigDict(frozen=True)

    name: str
    host: str
    pid: int
    horses: list[HorseView]

    def sign(self, horse: HorseView) -> str:
        """Return how a process of this worker signs the runs that it claims."""
        return f"{self.host}:{horse.pid}"

    @property
    def busy(self) -> int:
        """How many jobs it does now."""
        return sum(bool(horse.job_id) for horse in self.horses)


async def list_workers(redis: Redis) -> list[WorkerView]:
    """Return the workers whose processes were heard of within the last minute."""
    keys = await redis.execute_command("SMEMBERS", "rq:workers")
    async with redis.pipeline(transaction=False) as pipe:
        for key in keys or ():
            pipe.hgetall(key)
        found = list[dict[str, str]](await pipe.execute() or ())
    horses: dict[tuple[str, int], list[HorseView]] = defaultdict(list)
    for key, values in zip(keys or (), found, strict=True):
        horse = _horse_of(key, values)
        if horse is not None:
            place = (values.get("hostname", ""), int(values.get("pid", 0)))
            horses[place].append(horse)
    return [
        WorkerView(
            name=f"{host}:{pid}",
            host=host,
            pid=pid,
            horses=sorted(horses[host, pid], key=lambda horse: horse.pid),
        )
        for host, pid in sorted(horses)
    ]


def _horse_of(key: str, values: Mapping[str, str]) -> HorseView | None:
    seen = _moment(values.get("last_heartbeat", ""))
    if seen is None or clock.now() - seen > SILENCE_MAX or "death" in values:
        return None
    # The name is host, process and a word that is used once.
    pid = key.rsplit(".", 2)[-2] if key.count(".") > 1 else ""
    return HorseView(
        pid=int(pid) if pid.isdigit() else int(values.get("pid", 0)),
        job_id=values.get("current_job", ""),
        jobs_done=int(values.get("successful_job_count", 0)),
        started_at=_moment(values.get("birth", "")),
        seen_at=seen,
    )


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
