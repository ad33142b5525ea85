"""Rows of identity."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger
from sqlmodel import Field

from app.backend.core import clock
from app.backend.core.rows import JsonColumn, OwnedRow, Row, UtcColumn


class UserRow(Row, table=True):
    """A person with an account; `welcomed_at` says when it got its ready-made agents."""

    email: str = Field(unique=True, max_length=254)
    display_name: str = Field(default="", max_length=100)
    avatar_url: str = ""
    role: str
    password_hash: str
    preferences: dict[str, str] = Field(default_factory=dict, sa_type=JsonColumn)
    is_active: bool = True
    welcomed_at: datetime | None = Field(default=None, sa_type=UtcColumn)
    updated_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)


class SessionRow(OwnedRow, table=True):
    """A login on one device; only the hash of its token is kept."""

    token_hash: str = Field(unique=True)
    user_agent: str = Field(default="", max_length=300)
    address: str = ""
    last_seen_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)
    expires_at: datetime = Field(sa_type=UtcColumn)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcColumn)


class ApiKeyRow(OwnedRow, table=True):
    """A key for programs; only its hash and its first characters are kept."""

    name: str = Field(max_length=100)
    prefix: str = Field(index=True)
    key_hash: str = Field(unique=True)
    expires_at: datetime | None = Field(default=None, sa_type=UtcColumn)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcColumn)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcColumn)


class OneTimeLinkRow(Row, table=True):
    """A link that works once: it creates the owner account, or sets the password of `user_id`."""

    purpose: str = Field(index=True)
    user_id: UUID | None = Field(default=None, index=True)
    token_hash: str = Field(unique=True)
    expires_at: datetime = Field(sa_type=UtcColumn)
    used_at: datetime | None = Field(default=None, sa_type=UtcColumn)


class AuditRow(OwnedRow, table=True):
    """A privileged action, done or refused; the owner is who did it, or whose login it was."""

    action: str = Field(index=True)
    object_kind: str = ""
    object_id: UUID | None = Field(default=None, index=True)
    detail: dict[str, str] = Field(default_factory=dict, sa_type=JsonColumn)
    result: str = "done"
    address: str = ""
    correlation_id: UUID | None = None
    # Its place in the chain, which the scheduler gives it; from then on the database lets nobody change it.
    number: int | None = Field(
        default=None, index=True, unique=True, sa_type=BigInteger
    )
    previous_hash: str = ""
    hash: str = ""


class AuditAnchorRow(Row, table=True):
    """The only row of its table: where the chain of the audit begins, after what was cut off, and where it ends; signed."""

    cut_number: int = Field(default=0, sa_type=BigInteger)
    cut_hash: str = ""
    last_number: int = Field(default=0, sa_type=BigInteger)
    last_hash: str = ""
    signature: str = ""
