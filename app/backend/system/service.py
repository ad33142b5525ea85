"""What an administrator can see and do for the whole installation; everything that is done is written down."""

import asyncio
import platform
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from importlib.metadata import version
from typing import Protocol, TypeVar
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.backend.core import acting, clock, migrations
from app.backend.core.actor import Actor
from app.backend.core.db import Database, Session, savepoint
from app.backend.core.errors import Conflict, NotFound, TooMany
from app.backend.core.jobs import QueueName
from app.backend.core.settings import Settings
from app.backend.identity import audit
from app.backend.identity import service as identity
from app.backend.identity.audit import Action
from app.backend.runs import engine_repository
from app.backend.runs import service as runs
from app.backend.runs.parts import RunParts
from app.backend.runs.retention import Pruned, Retention
from app.backend.runs.tables import RunRow
from app.backend.system import queues, repository, storage
from app.backend.system.scheduling import find_active
from app.backend.system.schemas import (
    DeadLetters,
    RunBrief,
    StorageView,
    SystemView,
)
from app.backend.system.workers import WorkerView, list_workers

logger = structlog.get_logger(__name__)

DEAD_SHOWN = 20
REQUEUED_AT_ONCE = 200
_SECONDS_MAX = 2.0
_MEASURE_SECONDS = 1.0
_STORAGE_FRESH = timedelta(seconds=30)
T = TypeVar("T")


class SystemParts(Protocol):
    """What it looks at; a process's Services has it all."""

    @property
    def settings(self) -> Settings:
        """Which database it is."""
        ...

    @property
    def db(self) -> Database:
        """Rows."""
        ...

    @property
    def redis(self) -> Redis:
        """Queues, streams, locks."""
        ...


class SystemWatch:
    """Looks at the installation for one process, which measures what is stored twice a minute at most."""

    def __init__(self) -> None:
        self._storage: StorageView | None = None
        self._measuring: asyncio.Task[StorageView] | None = None

    async def look(self, parts: SystemParts, actor: Actor) -> SystemView:
        """Return how the installation is; what does not answer within two seconds is left out, and named."""
        away: list[str] = []
        redis, db = parts.redis, parts.db
        workers, queued, scheduler, revision, dead, stored = await asyncio.gather(
            _ask("Redis", away, lambda: list_workers(redis), list[WorkerView]()),
            _ask("Redis", away, lambda: queues.list_queues(redis), []),
            _ask("Redis", away, lambda: find_active(redis), None),
            _ask("The database", away, lambda: migrations.current_revision(db), ""),
            _ask("The database", away, lambda: _dead_letters(db, actor), _NO_DEAD),
            _ask("The database", away, lambda: self._measure(parts), None),
        )
        found = await _ask(
            "The database", away, lambda: _find_running(db, actor, workers), {}
        )
        return SystemView(
            version=version("atelier"),
            python=platform.python_version(),
            database="SQLite" if db.is_sqlite else "PostgreSQL",
            revision=revision,
            newest_revision=migrations.newest_revision(),
            workers=workers,
            runs=found,
            queues=queued,
            scheduler=scheduler,
            dead_letters=dead,
            storage=stored,
            away=sorted(set(away)),
            checked_at=clock.now(),
        )

    async def _measure(self, parts: SystemParts) -> StorageView | None:
        """Return what is stored, as of the last time that was measured to its end; None before the first."""
        last = self._storage
        if last is not None and clock.now() - last.checked_at < _STORAGE_FRESH:
            return last
        measuring = self._measuring or asyncio.create_task(
            storage.measure(parts.db, parts.redis, parts.settings)
        )
        self._measuring = measuring
        # What takes longer goes on: a later look has it.
        await asyncio.wait([measuring], timeout=_MEASURE_SECONDS)
        if not measuring.done():
            return last
        if self._measuring is measuring:
            self._measuring = None
        self._storage = measuring.result()
        return self._storage


async def requeue_dead(
    session: Session, actor: Actor, *, run_id: UUID, parts: RunParts
) -> UUID:
    """Let a run that lost its workers go on in a new run of its owner; returns the new one's id.

    Raises:
        NotFound: there is no such dead letter.
        Conflict: its agent is deleted or archived.
        TooMany: as for a run that anybody starts.
    """
    with acting.as_system():
        row = await repository.find_dead(session, run_id)
        if row is None:
            raise NotFound("dead letter", run_id)
        new_id = await _requeue(session, row, parts)
        await session.flush()
    audit.record(
        session,
        actor,
        Action.RUN_REQUEUED,
        object_kind="run",
        object_id=run_id,
        new_run=str(new_id),
    )
    return new_id


async def requeue_all_dead(
    session: Session, actor: Actor, *, parts: RunParts
) -> tuple[int, list[str]]:
    """Let all dead letters go on; returns how many do, and why others do not."""
    done, refused = 0, list[str]()
    with acting.as_system():
        dead = await repository.list_dead(session, limit=REQUEUED_AT_ONCE)
    for row, _ in dead:
        try:
            async with savepoint(session):
                await requeue_dead(session, actor, run_id=row.id, parts=parts)
        except (Conflict, TooMany) as error:
            refused.append(error.message)
        else:
            done += 1
    return done, refused


async def stop_any_run(
    session: Session, actor: Actor, *, run_id: UUID, parts: RunParts
) -> None:
    """Stop a run of anybody, as its owner would.

    Raises:
        NotFound: there is no such run.
    """
    with acting.as_system():
        row = await engine_repository.find_run(session, run_id)
        if row is None:
            raise NotFound("run", run_id)
        owner = await identity.get_actor(session, row.owner_id)
        await runs.stop_run(session, owner, run_id=run_id, parts=parts)
        await session.flush()
    audit.record(
        session, actor, Action.RUN_STOPPED, object_kind="run", object_id=run_id
    )


async def empty_failed(
    session: Session, actor: Actor, *, name: QueueName, redis: Redis
) -> int:
    """Forget the failed jobs of a queue; returns how many. What they were for stays as it is."""
    count = await queues.forget_failed(redis, name)
    audit.record(
        session, actor, Action.QUEUE_EMPTIED, object_kind=name, jobs=str(count)
    )
    return count


async def prune_checkpoints(actor: Actor, *, retention: Retention) -> Pruned:
    """Delete the steps that nobody needs any more, now rather than within the hour.

    Raises:
        StoreAway: the store of checkpoints is away.
    """
    pruned = await retention.prune()
    async with retention.db.transaction() as session:
        audit.record(
            session,
            actor,
            Action.CHECKPOINTS_PRUNED,
            object_kind="checkpoints",
            runs=str(pruned.runs),
            steps=str(pruned.steps),
        )
    return pruned


async def _requeue(session: Session, row: RunRow, parts: RunParts) -> UUID:
    owner = await identity.get_actor(session, row.owner_id)
    step = await engine_repository.find_newest_step(session, row.id)
    again = runs.retry_run if step is None else runs.resume_run
    view = await again(session, owner, run_id=row.id, parts=parts)
    return view.id


async def _dead_letters(db: Database, actor: Actor) -> DeadLetters:
    with acting.as_system():
        async with db.read() as session:
            found = await repository.list_dead(session, limit=DEAD_SHOWN)
            total = len(found)
            if total == DEAD_SHOWN:
                total = await repository.count_dead(session)
    newest = [_brief(row, email, actor) for row, email in found]
    return DeadLetters(total=total, newest=newest)


async def _find_running(
    db: Database, actor: Actor, workers: Iterable[WorkerView]
) -> dict[UUID, RunBrief]:
    busy = [
        worker.sign(horse)
        for worker in workers
        for horse in worker.horses
        if horse.job_id
    ]
    if not busy:
        return {}
    with acting.as_system():
        async with db.read() as session:
            found = await repository.find_running(session, busy)
    return {row.id: _brief(row, email, actor) for row, email in found}


def _brief(row: RunRow, email: str, actor: Actor) -> RunBrief:
    is_own = row.owner_id == actor.user_id
    return RunBrief.model_validate(
        {**row.model_dump(), "owner_email": email, "is_own": is_own}
    )


async def _ask(
    part: str, away: list[str], question: Callable[[], Awaitable[T]], otherwise: T
) -> T:
    try:
        async with asyncio.timeout(_SECONDS_MAX):
            return await question()
    except (RedisError, SQLAlchemyError, OSError) as error:
        logger.warning("system_part_away", part=part, error=str(error))
        away.append(part)
        return otherwise


_NO_DEAD = DeadLetters(total=0, newest=[])
