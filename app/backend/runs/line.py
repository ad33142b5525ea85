"""The line of queued runs: who may join it, at which place, and who is next.

A run's `turn` is its place. It is one more than that of its owner's last active run, and not before what the line has
come to, so that somebody's first run stands near the front, however many another person has queued. Whoever has a
free worker takes the run with the lowest turn; its job was only a hint.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam
from sqlmodel import col, func, select

from app.backend.core import acting
from app.backend.core.db import Session
from app.backend.core.errors import TooMany
from app.backend.core.jobs import Job, JobName
from app.backend.core.run_events import RunStatus
from app.backend.core.settings import Settings
from app.backend.identity import tiers
from app.backend.identity.tier_schemas import Limits
from app.backend.runs.repository import fetch
from app.backend.runs.tables import RunRow

RETRY_AFTER_SECONDS = 10
# Those that need a worker, now or soon; a run that waits for somebody needs none.
IN_LINE = (RunStatus.QUEUED, RunStatus.RUNNING)


@dataclass(frozen=True)
class Load:
    """How much is queued and running, and the place that the owner's next run gets."""

    everybody: int
    own: int
    turn: int


async def read_load(session: Session, owner_id: UUID) -> Load:
    """Return what a start has to know, in one question to the database."""
    # The line is the installation's.
    with acting.as_system():
        (found,) = await fetch(session, _load_query(), {"owner_id": owner_id})
    everybody_count, own_count, last_turn, running_turn, first_turn = found
    come_to = max(running_turn or 0, first_turn or 0)
    after_own = 0 if last_turn is None else last_turn + 1
    return Load(everybody_count, own_count, max(come_to, after_own))


@cache
def _load_query() -> Any:
    # Made once: making it takes longer than its answer.
    run = RunRow
    owner_id = bindparam("owner_id", type_=Uuid())
    mine = (col(run.owner_id) == owner_id, col(run.status).in_(IN_LINE))
    everybody = (
        select(func.count()).select_from(run).where(col(run.status).in_(IN_LINE))
    )
    own = select(func.count()).select_from(run).where(*mine)
    last = select(func.max(run.turn)).where(*mine)
    running = select(func.max(run.turn)).where(col(run.status) == RunStatus.RUNNING)
    # A run that goes on, or was started by another one, has an old turn, which says nothing about how far the line is.
    first = (
        select(run.turn)  # lint-skip: repo-scope - the line is the installation's
        .where(
            col(run.status) == RunStatus.QUEUED,
            col(run.turn) >= 0,
            col(run.epoch) == 0,
            col(run.parent_id).is_(None),
        )
        .order_by(col(run.turn))
        .limit(1)
    )
    asked: Any = [
        query.scalar_subquery() for query in (everybody, own, last, running, first)
    ]
    return select(*asked)


async def check_room(session: Session, owner_id: UUID, settings: Settings) -> None:
    """Refuse a run of somebody before anything is done about it.

    Raises:
        TooMany: as for `check_load`.
    """
    limits = await tiers.limits_of(session, owner_id)
    check_load(await read_load(session, owner_id), settings, limits)


def check_load(
    load: Load, settings: Settings, limits: Limits, *, more: int = 1
) -> None:
    """Refuse `more` runs when there would be more than there may be.

    Raises:
        TooMany: the owner has, or all users together have, as many runs as they may.
    """
    most, own_most = settings.runs_active_max, settings.runs_active_per_user_max
    if limits.runs_active is not None:
        own_most = min(own_most, limits.runs_active)
    if load.everybody + more > most:
        message = f"As many runs as this installation allows ({most:,}) are queued or running already. Wait for one to end, or stop one of yours."
        raise TooMany(message, retry_after=RETRY_AFTER_SECONDS)
    if load.own + more > own_most:
        message = f"As many of your runs as you may have ({own_most:,}) are queued or running already. Wait for one to end, or stop one."
        raise TooMany(message, retry_after=RETRY_AFTER_SECONDS)


def next_in_line(*, first_turn: int) -> Any:
    """Return the query for the id of the run that is next; runs that other workers are about to take are passed over."""
    return (
        select(RunRow.id)  # lint-skip: repo-scope - whose run it is, is not asked
        .where(
            col(RunRow.status) == RunStatus.QUEUED,
            col(RunRow.turn) >= first_turn,
        )
        .order_by(col(RunRow.turn), col(RunRow.id))
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )


def job_of(row: RunRow) -> Job:
    """Return the job for the present dispatch of a run."""
    return Job(
        name=JobName.RUN_EXECUTE,
        key=f"run-{row.id}-{row.dispatch}",
        subject_id=str(row.id),
    )
