"""What was used: sums for people, and each call for their own books."""

import csv
import io
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from uuid import UUID

from app.backend.core import acting
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Database, Session
from app.backend.identity.actors import require
from app.backend.usage import repository
from app.backend.usage.schemas import (
    RunCost,
    UsageGroup,
    UsageReport,
    UsageSum,
    UsageWish,
)
from app.backend.usage.tables import UsageRecordRow
from app.backend.usage.words import MICROS

_BATCH = 1000
_COLUMNS = (
    "time",
    "user_id",
    "agent",
    "run_id",
    "place_in_log",
    "provider",
    "model",
    "outcome",
    "tokens_in",
    "tokens_out",
    "tokens_cached",
    "tokens_reasoning",
    "is_estimated",
    "first_token_ms",
    "ms",
    "price",
    "cost_usd",
)


async def report_usage(
    session: Session, actor: Actor, *, wish: UsageWish, group_by: UsageGroup
) -> UsageReport:
    """Return what the calls that `wish` means took, by `group_by`.

    Raises:
        Forbidden: they are somebody else's, and the actor is no administrator.
    """
    owner_id = _whose(actor, wish)
    if group_by is UsageGroup.USER:
        require(actor, Permission.VIEW_USER)
    with _acting_for(actor, owner_id):
        items = await repository.summarize(
            session, wish, owner_id=owner_id, by=group_by
        )
        total = await repository.summarize(session, wish, owner_id=owner_id)
    if group_by is UsageGroup.USER:
        users = [UUID(line.key) for line in items]
        names = await repository.name_users(session, users)
        items = [
            line.model_copy(update={"name": names.get(line.key, line.key)})
            for line in items
        ]
    return UsageReport(
        since=wish.since,
        until=wish.until,
        group_by=group_by,
        items=items,
        total=total[0] if total else UsageSum(),
    )


async def cost_of_runs(
    session: Session, run_ids: Sequence[UUID]
) -> dict[UUID, RunCost]:
    """Return what runs cost that somebody may see; a run that has asked no model is not in it."""
    return await repository.cost_of_runs(session, run_ids) if run_ids else {}


def may_export(actor: Actor, wish: UsageWish) -> None:
    """Raise Forbidden when the calls are somebody else's, and the actor is no administrator."""
    _whose(actor, wish)


async def export_usage(
    db: Database, actor: Actor, *, wish: UsageWish
) -> AsyncGenerator[str, None]:
    """Yield each call as a line of CSV, oldest first, below a line of names.

    Raises:
        Forbidden: they are somebody else's, and the actor is no administrator.
    """
    owner_id = _whose(actor, wish)
    yield _csv([_COLUMNS])
    after: tuple[datetime, UUID, int] | None = None
    while True:
        with _acting_for(actor, owner_id):
            async with db.read() as session:
                rows = await repository.list_records(
                    session, wish, owner_id=owner_id, after=after, limit=_BATCH
                )
        if not rows:
            return
        yield _csv([_values(row) for row in rows])
        after = (rows[-1].ts, rows[-1].run_id, rows[-1].seq)


def _whose(actor: Actor, wish: UsageWish) -> UUID | None:
    if wish.is_everyone or wish.user_id not in (None, actor.user_id):
        require(actor, Permission.VIEW_USER)
    return None if wish.is_everyone else wish.user_id or actor.user_id


def _acting_for(actor: Actor, owner_id: UUID | None) -> AbstractContextManager[None]:
    if owner_id == actor.user_id:
        return acting.as_user(actor.user_id)
    return acting.as_system()


def _values(row: UsageRecordRow) -> Sequence[object]:
    cost = "" if row.cost_micros is None else f"{row.cost_micros / MICROS:.6f}"
    return (
        row.ts.isoformat(),
        row.owner_id,
        _harmless(row.agent_name),
        row.run_id,
        row.seq,
        _harmless(row.provider),
        _harmless(row.model),
        row.outcome,
        row.tokens_in,
        row.tokens_out,
        row.tokens_cached,
        row.tokens_reasoning,
        row.is_estimated,
        row.first_token_milliseconds,
        row.milliseconds,
        row.price,
        cost,
    )


def _harmless(text: str) -> str:
    # A spreadsheet would carry out what begins so. Source: OWASP, CSV Injection.
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _csv(rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()
