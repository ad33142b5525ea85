"""What an administrator sees of the installation."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from app.backend.system.scheduling import ActiveScheduler
from app.backend.system.workers import WorkerView


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class QueueView(_View):
    """A queue: how many jobs wait, since when the oldest does, and how many failed within a day."""

    name: str
    length: int
    oldest_at: datetime | None = None
    failed: int = 0


class RunBrief(_View):
    """A run of anybody: enough to find it, nothing of what is in it. `worker` is the process that claimed it last."""

    id: UUID
    agent_name: str
    owner_email: str
    is_own: bool
    status: str
    attempt: int
    worker: str
    created_at: datetime
    completed_at: datetime | None = None


class DeadLetters(_View):
    """Runs that lost as many workers as a run may, and that nobody has repeated."""

    total: int
    newest: list[RunBrief]


class TableView(_View):
    """A table: about how many rows, and its bytes with indexes if they are known."""

    name: str
    rows: int
    bytes: int | None = None


class StorageView(_View):
    """What is stored, estimated at `checked_at`."""

    tables: list[TableView]
    database_bytes: int
    checkpoints_bytes: int | None = None
    checkpoints: int = 0
    streams: int = 0
    redis_bytes: int = 0
    checked_at: datetime


class SystemView(_View):
    """The whole installation at a glance; a part that does not answer is named in `away`, and its figures are empty."""

    version: str
    python: str
    database: str
    revision: str
    newest_revision: str
    workers: list[WorkerView]
    runs: dict[UUID, RunBrief]
    queues: list[QueueView]
    scheduler: ActiveScheduler | None
    dead_letters: DeadLetters
    storage: StorageView | None
    away: list[str]
    checked_at: datetime
