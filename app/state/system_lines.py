"""What the page of an administrator shows of the installation: short, flat, and only what is on the screen."""

from pydantic import BaseModel, ConfigDict

from app.backend.runs.retention import Pruned
from app.backend.system.schemas import (
    QueueView,
    RunBrief,
    StorageView,
    SystemView,
    TableView,
)
from app.backend.system.workers import HorseView, WorkerView
from app.state.lines import Line, iso, size_words


class Fact(BaseModel):
    """A figure with its name, and since when it is so if that matters."""

    model_config = ConfigDict(frozen=True)

    label: str
    value: str
    since: str = ""
    is_bad: bool = False


class JobLine(Line):
    """A job that is done now; `run_id` is empty when it is none of a run, `is_own` when the page of it can be opened."""

    worker: str
    name: str
    run_id: str
    owner: str
    is_own: bool
    since: str


class WorkerLine(Line):
    """A worker and how many processes it has."""

    words: str
    busy: int


class QueueLine(Line):
    """A queue."""

    waiting: int
    oldest_at: str
    failed: int


class DeadLine(Line):
    """A run that lost its workers."""

    name: str
    owner: str
    attempts: int
    is_own: bool
    ended_at: str


class TableLine(Line):
    """A table; `percent` is its share of the largest."""

    rows: str
    size: str
    percent: int


_NOT_MEASURED = Fact(label="Database", value="Not measured yet")


def facts(view: SystemView) -> list[Fact]:
    """Return the figures at the head of the page."""
    horses = [horse for worker in view.workers for horse in worker.horses]
    busy = sum(worker.busy for worker in view.workers)
    scheduler, stored = view.scheduler, view.storage
    is_current = view.revision == view.newest_revision
    return [
        Fact(
            label="Workers",
            value=f"{len(view.workers)} alive, {busy} of {len(horses)} processes busy",
            is_bad=not view.workers,
        ),
        Fact(
            label="Scheduler",
            value=f"{scheduler.host}:{scheduler.pid}" if scheduler else "None is alive",
            since=iso(scheduler.since) if scheduler else "",
            is_bad=scheduler is None,
        ),
        Fact(label="Version", value=f"{view.version}, Python {view.python}"),
        Fact(
            label=view.database,
            value=f"Tables {view.revision}"
            if is_current
            else f"Tables {view.revision or 'unknown'}, newest {view.newest_revision}",
            is_bad=not is_current,
        ),
        *(_storage_facts(stored) if stored else [_NOT_MEASURED]),
    ]


def _storage_facts(stored: StorageView) -> list[Fact]:
    kept = stored.checkpoints_bytes
    size = f", {size_words(kept)}" if kept is not None else ""
    return [
        Fact(label="Database", value=size_words(stored.database_bytes)),
        Fact(label="Checkpoints", value=f"{stored.checkpoints:,}{size}"),
        Fact(label="Live logs in Redis", value=f"{stored.streams:,}"),
        Fact(label="Memory of Redis", value=size_words(stored.redis_bytes)),
    ]


def worker_line(worker: WorkerView) -> WorkerLine:
    """Return a worker for the list."""
    free = len(worker.horses) - worker.busy
    return WorkerLine(
        id=worker.name, words=f"{worker.busy} busy, {free} waiting", busy=worker.busy
    )


def job_lines(view: SystemView) -> list[JobLine]:
    """Return what is done now."""
    runs = {run.worker: run for run in view.runs.values()}
    return [
        _job_line(worker, horse, runs.get(worker.sign(horse)))
        for worker in view.workers
        for horse in worker.horses
        if horse.job_id
    ]


def _job_line(worker: WorkerView, horse: HorseView, run: RunBrief | None) -> JobLine:
    return JobLine(
        id=f"{worker.name}/{horse.pid}",
        worker=worker.sign(horse),
        name=run.agent_name if run else horse.job_id.partition("-")[0],
        run_id=str(run.id) if run else "",
        owner=run.owner_email if run else "",
        is_own=run is not None and run.is_own,
        since=iso(run.created_at) if run else "",
    )


def queue_line(queue: QueueView) -> QueueLine:
    """Return a queue for the list."""
    return QueueLine(
        id=queue.name,
        waiting=queue.length,
        oldest_at=iso(queue.oldest_at),
        failed=queue.failed,
    )


def dead_line(run: RunBrief) -> DeadLine:
    """Return a dead letter for the list."""
    return DeadLine(
        id=str(run.id),
        name=run.agent_name,
        owner=run.owner_email,
        attempts=run.attempt,
        is_own=run.is_own,
        ended_at=iso(run.completed_at),
    )


def prune_words(found: Pruned) -> str:
    """Return what the question before it tells."""
    size = f"about {size_words(found.bytes)}"
    return f"{found.words} would go, {size}. The runs and their logs stay, but cannot be resumed or forked any more."


def table_lines(tables: list[TableView]) -> list[TableLine]:
    """Return the tables that hold something, largest first."""
    held = [table for table in tables if table.rows]
    most = max((_weight(table) for table in held), default=1)
    return [
        TableLine(
            id=table.name,
            rows=f"{table.rows:,}",
            size="" if table.bytes is None else size_words(table.bytes),
            percent=max(1, round(100 * _weight(table) / most)),
        )
        for table in held
    ]


def _weight(table: TableView) -> int:
    return table.bytes or table.rows
