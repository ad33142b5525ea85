"""Chains the rows of the audit, so that it shows when one was changed, taken away or put in between.

Rows are written without a number, in the transactions of what they tell of, which wait for nobody. The scheduler gives
them their place: a number, the hash of the row before, and a hash over all of it, made with a key of the installation.
One row, the anchor, says signed where the chain begins and where it ends.
"""

import json
from collections.abc import AsyncGenerator
from datetime import UTC, timedelta
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict
from sqlmodel import col, delete, func, select

from app.backend.core import acting, clock
from app.backend.core.actor import Actor, Permission
from app.backend.core.crypto import Keyring
from app.backend.core.db import Database, Session
from app.backend.identity import audit, repository
from app.backend.identity.actors import actor_of, require
from app.backend.identity.audit import Action
from app.backend.identity.tables import AuditAnchorRow, AuditRow

logger = structlog.get_logger(__name__)

BATCH = 500
_TRIES = 3
_PURPOSE = "audit.chain"
_UNHASHED = {"hash"}


class AuditCheck(BaseModel):
    """Whether the audit is as it was written; if not, the first row that does not fit, and why."""

    model_config = ConfigDict(frozen=True)

    is_whole: bool
    rows: int
    waiting: int
    first_number: int
    last_number: int
    last_hash: str
    wrong_number: int | None = None
    wrong_id: UUID | None = None
    reason: str = ""


async def chain_rows(db: Database, keyring: Keyring) -> int:
    """Give rows that have none their place in the chain; returns how many: none while the anchor was tampered with."""
    async with db.read() as session:
        if await _count_waiting(session) == 0:
            return 0
    async with db.transaction() as session:
        anchor = await _lock_anchor(session, keyring)
        if anchor is None:
            return 0
        query = (
            select(AuditRow)  # lint-skip: repo-scope - of everybody
            .where(col(AuditRow.number).is_(None))
            .order_by(col(AuditRow.id))
            .limit(BATCH)
        )
        rows = (await session.exec(query)).all()
        for row in rows:
            row.number = anchor.last_number + 1
            row.previous_hash = anchor.last_hash
            row.hash = _hash(keyring, row)
            anchor.last_number, anchor.last_hash = row.number, row.hash
        anchor.signature = _sign(keyring, anchor)
    return len(rows)


async def cut(db: Database, keyring: Keyring, *, days: int) -> int:
    """Delete the chained rows that are older than so many days, from the first one on; returns how many.

    The anchor then says, signed, where the chain begins; without that the database refuses to delete a row.
    """
    before = clock.now() - timedelta(days=days)
    async with db.transaction() as session:
        anchor = await _lock_anchor(session, keyring)
        if anchor is None:
            return 0
        # The first that stays ends it: what was chained after it stays too, whatever its time.
        query = select(func.min(AuditRow.number)).where(  # lint-skip: repo-scope
            col(AuditRow.created_at) >= before
        )
        kept = (await session.exec(query)).one()
        last = anchor.last_number if kept is None else kept - 1
        if last <= anchor.cut_number:
            return 0
        ending = select(AuditRow).where(
            col(AuditRow.number) == last
        )  # lint-skip: repo-scope
        anchor.cut_hash = (await session.exec(ending)).one().hash
        count, anchor.cut_number = last - anchor.cut_number, last
        anchor.signature = _sign(keyring, anchor)
        await session.flush()
        await session.exec(
            delete(AuditRow).where(
                col(AuditRow.number) <= last
            )  # lint-skip: repo-scope
        )
        owner = await repository.find_owner(session)
        if owner is not None:
            audit.record(
                session, actor_of(owner), Action.AUDIT_CUT, until_number=str(last)
            )
    return count


async def verify(db: Database, actor: Actor, keyring: Keyring) -> AuditCheck:
    """Go through the whole chain and tell whether every row is as it was written."""
    require(actor, Permission.VIEW_USER)
    tries = 0
    with acting.as_gate():
        while True:
            tries += 1
            async with db.read() as session:
                anchor = await _find_anchor(session)
                waiting = await _count_waiting(session)
            check = await _check(db, keyring, anchor or _new_anchor(keyring), waiting)
            # Rows may have been chained or cut while we looked.
            if check.is_whole or tries == _TRIES or not await _has_moved(db, anchor):
                return check


async def _check(
    db: Database, keyring: Keyring, anchor: AuditAnchorRow, waiting: int
) -> AuditCheck:
    check = AuditCheck(
        is_whole=True,
        rows=anchor.last_number - anchor.cut_number,
        waiting=waiting,
        first_number=anchor.cut_number + 1,
        last_number=anchor.last_number,
        last_hash=anchor.last_hash,
    )
    if not _is_signed(keyring, anchor):
        return _wrong(check, None, "The anchor of the chain was changed.")
    number, previous = anchor.cut_number, anchor.cut_hash
    async for row in _chained(db):
        number += 1
        if row.number != number and number <= anchor.last_number:
            return _wrong(check, row, f"Before it, row {number} is missing.")
        if number > anchor.last_number:
            return _wrong(check, row, "It stands behind the end of the chain.")
        if row.previous_hash != previous or row.hash != _hash(keyring, row):
            return _wrong(check, row, "It is not as it was written.")
        previous = row.hash
    if number < anchor.last_number:
        gone = f"Row {number + 1} and all after it are missing."
        return _wrong(check, None, gone)
    return check


async def _has_moved(db: Database, before: AuditAnchorRow | None) -> bool:
    async with db.read() as session:
        now = await _find_anchor(session)
    if before is None or now is None:
        return before is not now
    return before.signature != now.signature


def _wrong(check: AuditCheck, row: AuditRow | None, reason: str) -> AuditCheck:
    where = {"wrong_number": row.number, "wrong_id": row.id} if row else {}
    return check.model_copy(update={"is_whole": False, "reason": reason, **where})


async def _chained(db: Database) -> AsyncGenerator[AuditRow, None]:
    last = None
    while True:
        query = select(AuditRow).where(
            col(AuditRow.number).is_not(None)
        )  # lint-skip: repo-scope - of everybody
        if last is not None:
            query = query.where(col(AuditRow.number) > last)
        async with db.read() as session:
            rows = (
                await session.exec(query.order_by(col(AuditRow.number)).limit(BATCH))
            ).all()
        for row in rows:
            yield row
        if len(rows) < BATCH:
            return
        last = rows[-1].number


async def _lock_anchor(session: Session, keyring: Keyring) -> AuditAnchorRow | None:
    """Return the anchor; None when it is not as we signed it: signing it anew would hide who changed it."""
    found = await _find_anchor(session, is_locked=True)
    if found is None and not await _has_chained(session):
        found = _new_anchor(keyring)
        session.add(found)
        await session.flush()
    if found is None or not _is_signed(keyring, found):
        logger.error("audit_anchor_tampered")
        return None
    return found


async def _find_anchor(
    session: Session, *, is_locked: bool = False
) -> AuditAnchorRow | None:
    query = select(AuditAnchorRow).limit(1)
    if is_locked:
        query = query.with_for_update()
    return (await session.exec(query)).first()


async def _count_waiting(session: Session) -> int:
    query = select(func.count()).where(
        col(AuditRow.number).is_(None)
    )  # lint-skip: repo-scope - of everybody
    return (await session.exec(query)).one()


async def _has_chained(session: Session) -> bool:
    query = (
        select(AuditRow.id)  # lint-skip: repo-scope - of everybody
        .where(col(AuditRow.number).is_not(None))
        .limit(1)
    )
    return (await session.exec(query)).first() is not None


def _new_anchor(keyring: Keyring) -> AuditAnchorRow:
    anchor = AuditAnchorRow()
    anchor.signature = _sign(keyring, anchor)
    return anchor


def _is_signed(keyring: Keyring, anchor: AuditAnchorRow) -> bool:
    return anchor.signature == _sign(keyring, anchor)


def _hash(keyring: Keyring, row: AuditRow) -> str:
    values = row.model_dump(mode="json", exclude=_UNHASHED)
    # PostgreSQL gives times in the zone of the connection, and keys in an order of its own.
    values["created_at"] = row.created_at.astimezone(UTC).isoformat()
    return keyring.sign(_PURPOSE, json.dumps(values, sort_keys=True))


def _sign(keyring: Keyring, anchor: AuditAnchorRow) -> str:
    values = [
        anchor.cut_number,
        anchor.cut_hash,
        anchor.last_number,
        anchor.last_hash,
    ]
    return keyring.sign(_PURPOSE, json.dumps(values))
