"""Gives an installation a new master key, or a user a new key, while everything goes on.

Both go in batches, each its own transaction, and are done when a look finds nothing of the former key. Whoever is killed
in the middle leaves two keys, either of which opens what it has sealed; the next one who is asked to rotate sees the two
and goes on, instead of making a third.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table
from sqlmodel import SQLModel, col, select, update

from app.backend.core.actor import Actor, Permission
from app.backend.core.crypto import Keyring
from app.backend.core.db import Database, Session
from app.backend.core.errors import AppError, Conflict
from app.backend.core.fault_points import FaultPoint, pass_by
from app.backend.core.master_keys import MasterKeys
from app.backend.core.sealing import (
    DataKeyRow,
    SealedText,
    add_data_key,
    seal,
    sealed_with,
    unseal,
)
from app.backend.identity import audit
from app.backend.identity.actors import require
from app.backend.identity.audit import Action
from app.backend.identity.tables import UserRow

BATCH = 50
# Who has read a row before it was sealed anew has opened it by then.
GRACE_SECONDS = 10.0

_Step = Callable[[Session], Awaitable[int]]


class NoMasterKey(AppError):
    """The master key is derived from another one, so that there is nothing to put another in the place of."""

    code = "NO_MASTER_KEY"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "The master key of this installation is derived from ATELIER_SECRET_KEY. Set ATELIER_FIELD_ENCRYPTION_KEY to a new key wherever Atelier runs, restart it, then rotate."
        )


@dataclass(frozen=True)
class Rotation:
    """What a rotation works with; `grace_seconds` pass before the former key is forgotten."""

    db: Database
    keyring: Keyring
    actor: Actor
    grace_seconds: float = GRACE_SECONDS
    pass_point: Callable[[FaultPoint], None] = pass_by

    async def rotate_master(self) -> int:
        """Wrap the keys of all users with a new master key; returns how many were.

        The new one is made in the file of the key; one that a setting holds has been put there before, in front of the
        former, which may leave the setting afterwards.

        Raises:
            Conflict: another rotation is running, or has made a newer key; nothing is lost.
            MasterKeyMissing: a user's key cannot be opened; nothing is lost, and the former key has to come back.
            NoMasterKey: the key is neither in a file nor in the setting.
        """
        require(self.actor, Permission.CHANGE_SYSTEM)
        masters = self.keyring.masters
        if masters.is_derived:
            raise NoMasterKey
        with masters.rotating():
            return await self._rotate_master(masters)

    async def rotate_user(self, user_id: UUID) -> int:
        """Seal everything of a user with a new key, also what an earlier version encrypted; returns how many texts were.

        Raises:
            Conflict: another rotation has made a newer key; nothing is lost.
            MasterKeyMissing: the user's key cannot be opened.
            Unreadable: a text was changed; what was sealed before stays as it is.
        """
        require(self.actor, Permission.CHANGE_USER)
        async with self.db.transaction() as session:
            newest = await self._begin(session, user_id)
        self._pass()

        async def seal_some(session: Session) -> int:
            return await self._seal_some(session, newest)

        count = await self._repeat(seal_some)
        await asyncio.sleep(self.grace_seconds)
        while not await self._forget_former(newest):
            count += await self._repeat(seal_some)
        return count

    async def _rotate_master(self, masters: MasterKeys) -> int:
        if masters.path is not None and not masters.has_former_in_file:
            masters.add_to_file()
        newest = masters.keys[0]
        self._pass()
        count = await self._repeat(self._wrap_some)
        await asyncio.sleep(self.grace_seconds)
        count += await self._repeat(self._wrap_some)
        async with self.db.transaction() as session:
            audit.record(session, self.actor, Action.MASTER_KEY_ROTATED)
        self._pass()
        if masters.path is not None:
            masters.keep_in_file(newest)
        return count

    async def _repeat(self, step: _Step) -> int:
        total = 0
        while True:
            async with self.db.transaction() as session:
                count = await step(session)
            self._pass()
            if count == 0:
                return total
            total += count

    async def _wrap_some(self, session: Session) -> int:
        masters, count, last = self.keyring.masters, 0, None
        while count < BATCH:
            query = (
                select(DataKeyRow).order_by(col(DataKeyRow.id)).limit(BATCH)
            )  # lint-skip: repo-scope - of all users
            if last is not None:
                query = query.where(col(DataKeyRow.id) > last)
            rows = (await session.exec(query.with_for_update())).all()
            for row in rows:
                if not masters.is_newest(row.wrapped):
                    row.wrapped = masters.wrap(masters.unwrap(row.wrapped))
                    count += 1
            if len(rows) < BATCH:
                break
            last = rows[-1].id
        return count

    async def _begin(self, session: Session, user_id: UUID) -> DataKeyRow:
        # One rotation of a user at a time decides whether there is one to go on with.
        await session.exec(
            select(UserRow.id).where(col(UserRow.id) == user_id).with_for_update()
        )
        keys = await self._keys_of(session, user_id)
        if len(keys) < 2:
            number = keys[-1].number + 1 if keys else 1
            await add_data_key(session, self.keyring, owner_id=user_id, number=number)
            keys = await self._keys_of(session, user_id)
        return keys[-1]

    async def _seal_some(self, session: Session, newest: DataKeyRow) -> int:
        await self._keys_until(session, newest)
        count = 0
        for table, column, purpose in _sealed_columns():
            query = (
                select(table.c.id, column)
                .where(*_former(table, column, newest))
                .limit(BATCH)
                .with_for_update()
            )
            for row_id, sealed in (await session.exec(query)).all():
                again = await self._seal_again(session, sealed, newest, purpose)
                await session.exec(
                    update(table).where(table.c.id == row_id).values({column: again})
                )
                count += 1
        return count

    async def _seal_again(
        self, session: Session, sealed: str, newest: DataKeyRow, purpose: str
    ) -> str:
        of: Any = {"owner_id": newest.owner_id, "purpose": purpose}
        text = await unseal(session, self.keyring, sealed, **of)
        return await seal(session, self.keyring, text, **of)

    async def _forget_former(self, newest: DataKeyRow) -> bool:
        """Forget the former keys, unless something was sealed with one meanwhile."""
        async with self.db.transaction() as session:
            keys = await self._keys_until(session, newest)
            for table, column, _ in _sealed_columns():
                query = select(table.c.id).where(*_former(table, column, newest))
                if (await session.exec(query.limit(1))).first() is not None:
                    return False
            for row in keys[:-1]:
                await session.delete(row)
            audit.record(
                session,
                self.actor,
                Action.USER_KEY_ROTATED,
                object_kind="user",
                object_id=newest.owner_id,
            )
        self._pass()
        return True

    async def _keys_until(
        self, session: Session, newest: DataKeyRow
    ) -> list[DataKeyRow]:
        """Return the user's keys; with one behind `newest`, which seals from then on, this rotation would never end."""
        keys = await self._keys_of(session, newest.owner_id)
        if keys and keys[-1].id != newest.id:
            message = "There is a newer key than the one of this rotation. Nothing is lost; rotate again."
            raise Conflict(message)
        return keys

    async def _keys_of(self, session: Session, user_id: UUID) -> list[DataKeyRow]:
        query = (
            select(
                DataKeyRow
            )  # lint-skip: repo-scope - of the user who is given a new one
            .where(col(DataKeyRow.owner_id) == user_id)
            .order_by(col(DataKeyRow.number))
            .with_for_update()
        )
        return list((await session.exec(query)).all())

    def _pass(self) -> None:
        self.pass_point(FaultPoint.KEY_ROTATED)


def _sealed_columns() -> list[tuple[Table, Column[str], str]]:
    return [
        (table, column, column.type.purpose)
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, SealedText)
    ]


def _former(
    table: Table, column: Column[str], newest: DataKeyRow
) -> tuple[ColumnElement[bool], ...]:
    return (
        table.c.owner_id == newest.owner_id,
        column != "",
        ~column.startswith(sealed_with(newest.id), autoescape=True),
    )
