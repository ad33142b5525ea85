"""What a user keeps secret is stored sealed: with a key of that user, which is stored wrapped by the master key."""

import base64
import hmac
import secrets
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import String, UniqueConstraint
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.types import TypeDecorator
from sqlmodel import col, select

from app.backend.core import acting
from app.backend.core.crypto import Keyring
from app.backend.core.db import Session
from app.backend.core.errors import AppError
from app.backend.core.rows import OwnedRow

_PREFIX = "k1."


class SealedText(TypeDecorator[str]):
    """A column whose texts are sealed for the owner of the row; `purpose` keeps those of one column from another's.

    A rotation of keys finds what it has to seal anew by this type.
    """

    impl = String
    cache_ok = True

    def __init__(self, purpose: str) -> None:
        super().__init__()
        self.purpose = purpose


class DataKeyRow(OwnedRow, table=True):
    """A key of a user, wrapped by the master key; the one with the highest number seals.

    There is a second one only while a rotation goes on.
    """

    __table_args__ = (UniqueConstraint("owner_id", "number"),)

    number: int
    wrapped: str


class Unreadable(AppError):
    """A sealed text was changed, or belongs to somebody else."""

    code = "SECRET_UNREADABLE"
    status = 500

    def __init__(self) -> None:
        super().__init__(
            "A stored secret cannot be read: it was changed, or its key is gone. Enter it again."
        )


async def seal(
    session: Session, keyring: Keyring, text: str, *, owner_id: UUID, purpose: str
) -> str:
    """Return `text` as it may be stored in a column of `SealedText(purpose)`, for its owner's rows only."""
    with acting.as_user(owner_id):
        row = await _newest(session, owner_id)
        while row is None:
            await add_data_key(session, keyring, owner_id=owner_id, number=1)
            row = await _newest(session, owner_id)
    cipher = _fernet(keyring, row, purpose).encrypt(text.encode()).decode()
    return sealed_with(row.id) + cipher


async def unseal(
    session: Session, keyring: Keyring, sealed: str, *, owner_id: UUID, purpose: str
) -> str:
    """Return the text that `seal` was given, or that a version before data keys encrypted.

    Raises:
        MasterKeyMissing: the owner's key cannot be opened.
        Unreadable: it was not sealed for this owner and purpose, or its key is gone.
    """
    if not sealed.startswith(_PREFIX):
        return keyring.decrypt(purpose, sealed)
    key_id, _, cipher = sealed.removeprefix(_PREFIX).partition(".")
    with acting.as_user(owner_id):
        row = await session.get(
            DataKeyRow, UUID(key_id)
        )  # lint-skip: repo-scope - its owner is looked at below
    if row is None or row.owner_id != owner_id:
        raise Unreadable
    try:
        return _fernet(keyring, row, purpose).decrypt(cipher).decode()
    except InvalidToken:
        raise Unreadable from None


async def check_keys(session: Session, keyring: Keyring) -> None:
    """Look whether the keys of users can be opened.

    Raises:
        MasterKeyMissing: one of them cannot.
    """
    query = select(DataKeyRow.wrapped)  # lint-skip: repo-scope - of everybody
    for wrapped in (await session.exec(query)).all():
        keyring.masters.unwrap(wrapped)


def sealed_with(key_id: UUID) -> str:
    """Return what all texts begin with that are sealed with that key."""
    return f"{_PREFIX}{key_id.hex}."


async def add_data_key(
    session: Session, keyring: Keyring, *, owner_id: UUID, number: int
) -> None:
    """Give a user a fresh key, unless somebody was quicker."""
    wrapped = keyring.masters.wrap(secrets.token_bytes(32))
    row = DataKeyRow(owner_id=owner_id, number=number, wrapped=wrapped)
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = sqlite_insert if is_sqlite else postgres_insert
    query: Any = insert(DataKeyRow).values(row.model_dump()).on_conflict_do_nothing()
    await session.exec(query)


async def _newest(session: Session, owner_id: UUID) -> DataKeyRow | None:
    # Held until the end of the transaction, so that a rotation does not end before what is sealed now is seen.
    query = (
        select(DataKeyRow)  # lint-skip: repo-scope - of whoever the text is sealed for
        .where(col(DataKeyRow.owner_id) == owner_id)
        .order_by(col(DataKeyRow.number).desc())
        .limit(1)
        .with_for_update(read=True, key_share=True)
    )
    return (await session.exec(query)).first()


def _fernet(keyring: Keyring, row: DataKeyRow, purpose: str) -> Fernet:
    # The owner is part of it: who can write the database cannot make somebody else's secret their own.
    key = keyring.masters.unwrap(row.wrapped)
    message = f"{row.owner_id}:{purpose}".encode()
    return Fernet(base64.urlsafe_b64encode(hmac.digest(key, message, "sha256")))
