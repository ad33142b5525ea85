"""The chain of the audit: what was changed, taken away, swapped or put in shows, and the database refuses it."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.db import Database
from app.backend.identity import audit, audit_chain
from app.backend.identity.audit import Action
from app.backend.identity.audit_chain import AuditCheck
from app.backend.identity.tables import AuditRow

ROWS = 6
OPEN_SQLITE = ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete")
OPEN_POSTGRES = ("ALTER TABLE audit DISABLE TRIGGER USER",)


async def _add(services: Services, actor: Actor, count: int = ROWS) -> None:
    for number in range(count):
        async with services.db.transaction() as session:
            audit.record(session, actor, Action.LOGGED_IN, number=str(number), ä="ß")


async def _chain(services: Services) -> int:
    return await audit_chain.chain_rows(services.db, services.keyring)


async def _verify(services: Services, actor: Actor) -> AuditCheck:
    return await audit_chain.verify(services.db, actor, services.keyring)


async def _rows(services: Services) -> list[AuditRow]:
    query = select(AuditRow).order_by(col(AuditRow.id))
    async with services.db.read() as session:
        return list((await session.exec(query)).all())


async def _change(db: Database, *statements: str, is_open: bool = True) -> None:
    opening = OPEN_SQLITE if db.is_sqlite else OPEN_POSTGRES
    async with db.engine.begin() as connection:
        for statement in [*(opening if is_open else ()), *statements]:
            await connection.execute(text(statement))


async def test_rows_get_their_places_in_order(services: Services, actor: Actor) -> None:
    await _add(services, actor)
    waiting = await _verify(services, actor)

    assert await _chain(services) == ROWS
    await _add(services, actor, 1)
    assert await _chain(services) == 1
    assert await _chain(services) == 0

    rows = await _rows(services)
    check = await _verify(services, actor)
    assert (waiting.is_whole, waiting.waiting) == (True, ROWS)
    assert [row.number for row in rows] == list(range(1, ROWS + 2))
    assert [row.previous_hash for row in rows] == ["", *[r.hash for r in rows[:-1]]]
    assert (check.is_whole, check.rows, check.waiting) == (True, ROWS + 1, 0)
    assert check.last_hash == rows[-1].hash


@pytest.mark.parametrize(
    ("statements", "wrong", "reason"),
    [
        (["UPDATE audit SET action = 'logged_iN' WHERE number = 3"], 3, "as it was"),
        (["UPDATE audit SET result = 'Done' WHERE number = 6"], 6, "as it was"),
        (["DELETE FROM audit WHERE number = 3"], 4, "row 3 is missing"),
        (["DELETE FROM audit WHERE number = 1"], 2, "row 1 is missing"),
        (["DELETE FROM audit WHERE number = 6"], None, "Row 6 and all after"),
        (
            [
                "UPDATE audit SET number = 0 WHERE number = 3",
                "UPDATE audit SET number = 3 WHERE number = 4",
                "UPDATE audit SET number = 4 WHERE number = 0",
            ],
            3,
            "as it was",
        ),
        (["UPDATE audit SET number = 9 WHERE number = 6"], 9, "row 6 is missing"),
        (["UPDATE audit_anchor SET last_number = 5"], None, "anchor"),
        (["DELETE FROM audit_anchor"], 1, "behind the end"),
    ],
    ids=[
        "one byte",
        "last row changed",
        "row deleted",
        "first row deleted",
        "last row deleted",
        "rows swapped",
        "row moved",
        "anchor changed",
        "anchor deleted",
    ],
)
async def test_what_was_changed_is_named(
    services: Services,
    owner_db: Database,
    actor: Actor,
    statements: list[str],
    wrong: int | None,
    reason: str,
) -> None:
    await _add(services, actor)
    await _chain(services)
    assert (await _verify(services, actor)).is_whole

    await _change(owner_db, *statements)

    check = await _verify(services, actor)
    assert (check.is_whole, check.wrong_number) == (False, wrong)
    assert reason in check.reason


@pytest.mark.parametrize(
    "statements",
    [
        [
            """UPDATE audit_anchor SET cut_number = 3,
               cut_hash = (SELECT hash FROM audit WHERE number = 3)""",
            "DELETE FROM audit WHERE number <= 3",
        ],
        [
            "DELETE FROM audit WHERE number > 3",
            """UPDATE audit_anchor SET last_number = 3,
               last_hash = (SELECT hash FROM audit WHERE number = 3)""",
        ],
        [
            "DELETE FROM audit WHERE number IS NOT NULL",
            """UPDATE audit_anchor SET last_number = 0, last_hash = ''""",
        ],
        ["DELETE FROM audit_anchor"],
    ],
    ids=["begin taken away", "end taken away", "all taken away", "anchor deleted"],
)
async def test_anchor_that_was_tampered_with_is_not_signed_anew(
    services: Services, owner_db: Database, actor: Actor, statements: list[str]
) -> None:
    await _add(services, actor)
    await _chain(services)
    await _change(owner_db, *statements)
    await _add(services, actor, 1)

    chained = await _chain(services)
    cut = await audit_chain.cut(services.db, services.keyring, days=0)

    assert (chained, cut) == (0, 0)
    assert not (await _verify(services, actor)).is_whole


@pytest.mark.parametrize("number", [0, ROWS + 1])
async def test_row_that_is_put_in_is_named(
    services: Services, actor: Actor, number: int
) -> None:
    await _add(services, actor)
    await _chain(services)
    last = (await _rows(services))[-1]
    forged = last.model_copy(
        update={"id": ids.new_id(), "number": number, "previous_hash": last.hash}
    )

    async with services.db.transaction() as session:
        session.add(AuditRow(**forged.model_dump()))

    check = await _verify(services, actor)
    assert (check.is_whole, check.wrong_number) == (False, number)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET address = 'x' WHERE number = 2",
        "DELETE FROM audit WHERE number = 2",
        "DELETE FROM audit WHERE number IS NULL",
    ],
)
async def test_database_refuses_to_change_the_audit(
    services: Services, owner_db: Database, actor: Actor, statement: str
) -> None:
    await _add(services, actor)
    await _chain(services)
    await _add(services, actor, 1)

    with pytest.raises(DBAPIError, match="stays as it is"):
        await _change(owner_db, statement, is_open=False)

    assert len(await _rows(services)) == ROWS + 1


async def test_oldest_part_is_cut_and_the_rest_is_whole(
    services: Services, owner_db: Database, actor: Actor
) -> None:
    old = clock.now() - timedelta(days=40)
    async with services.db.transaction() as session:
        for number in range(3):
            made = old + timedelta(minutes=number)
            row = AuditRow(owner_id=actor.user_id, action="old", created_at=made)
            row.id = ids.new_id()
            session.add(row)
    await _add(services, actor)
    await _chain(services)

    assert await audit_chain.cut(services.db, services.keyring, days=30) == 3
    assert await audit_chain.cut(services.db, services.keyring, days=30) == 0

    await _chain(services)
    check = await _verify(services, actor)
    rows = await _rows(services)
    assert (check.is_whole, check.first_number, check.rows) == (True, 4, ROWS + 1)
    assert [row.action for row in rows] == [*["logged_in"] * ROWS, "audit_cut"]

    await _change(owner_db, "DELETE FROM audit WHERE number = 4")
    assert (await _verify(services, actor)).wrong_number == 5


async def test_whole_audit_may_be_cut(services: Services, actor: Actor) -> None:
    old = clock.now() - timedelta(days=40)
    async with services.db.transaction() as session:
        session.add(AuditRow(owner_id=actor.user_id, action="old", created_at=old))
    await _chain(services)

    assert await audit_chain.cut(services.db, services.keyring, days=30) == 1

    await _chain(services)
    check = await _verify(services, actor)
    assert (check.is_whole, check.first_number, check.last_number) == (True, 2, 2)


@pytest.mark.usefixtures("scheduler")
async def test_scheduler_gives_rows_their_places_by_itself(
    services: Services, actor: Actor
) -> None:
    await _add(services, actor)

    # It takes up to five seconds, once the scheduler has started.
    end = clock.monotonic() + 20
    while (check := await _verify(services, actor)).waiting:
        assert clock.monotonic() < end
        await asyncio.sleep(0.1)

    assert (check.is_whole, check.rows) == (True, ROWS)


async def test_person_of_whom_the_audit_tells_cannot_be_deleted_from_the_rows(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    await _add(services, other_actor)
    await _chain(services)

    theirs = other_actor.user_id.hex if services.db.is_sqlite else other_actor.user_id
    with pytest.raises(DBAPIError, match="audit"):
        await _change(
            services.db, f"DELETE FROM \"user\" WHERE id = '{theirs}'", is_open=False
        )

    check = await _verify(services, actor)
    assert (check.is_whole, check.rows) == (True, ROWS)
