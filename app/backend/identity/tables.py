"""Rows of identity."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field

from app.backend.core import clock
from app.backend.core.rows import JsonColumn, OwnedRow, Row, Table, UtcColumn
from app.backend.core.sealing import SealedText

FACTOR_PURPOSE = "second_factor"
_FactorColumn: Any = SealedText(FACTOR_PURPOSE)
_IS_DEFAULT = text("is_default")


class TierRow(Row, table=True):
    """What the people of a tier may use; None is as much as they like. One tier is for all who have no other."""

    __table_args__ = (
        Index(
            "ix_tier_is_default",
            "is_default",
            unique=True,
            postgresql_where=_IS_DEFAULT,
            sqlite_where=_IS_DEFAULT,
        ),
    )

    name: str = Field(unique=True, max_length=100)
    is_default: bool = False
    requests_per_minute: int | None = None
    runs_per_day: int | None = None
    runs_active: int | None = None
    storage_mb: int | None = None


class UserRow(Row, table=True):
    """A person with an account.

    `welcomed_at` says when it got its ready-made agents, `second_factor_at` since when it asks for a second factor.
    `given` and `taken` are permissions that they have beside those of the role, and that they lack.
    Without a `tier_id` they are in the default tier; `limits` are those that they have in the place of the tier's.
    """

    email: str = Field(unique=True, max_length=254)
    display_name: str = Field(default="", max_length=100)
    avatar_url: str = ""
    role: str
    given: list[str] = Field(default_factory=list[str], sa_type=JsonColumn)
    taken: list[str] = Field(default_factory=list[str], sa_type=JsonColumn)
    password_hash: str
    preferences: dict[str, str] = Field(default_factory=dict, sa_type=JsonColumn)
    tier_id: UUID | None = Field(
        default=None, foreign_key="tier.id", index=True, ondelete="SET NULL"
    )
    limits: dict[str, int] = Field(default_factory=dict, sa_type=JsonColumn)
    is_active: bool = True
    welcomed_at: datetime | None = Field(default=None, sa_type=UtcColumn)
    second_factor_at: datetime | None = Field(default=None, sa_type=UtcColumn)
    updated_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)

    @property
    def has_password(self) -> bool:
        """Whether one can sign in with a password that is kept here."""
        return bool(self.password_hash)


class GroupRow(Row, table=True):
    """People with whom something can be shared at once."""

    name: str = Field(unique=True, max_length=100)


class GroupMemberRow(Table, table=True):
    """A user in a group."""

    group_id: UUID = Field(foreign_key="group.id", primary_key=True, ondelete="CASCADE")
    user_id: UUID = Field(
        foreign_key="user.id", primary_key=True, index=True, ondelete="CASCADE"
    )


class ShareRow(OwnedRow):
    """What a table of shares has: with a user or with a group the owner of `object_id` shares it, up to `level`.

    A table of its own for each kind of object, so that the database removes shares with what they are of.
    """

    object_id: UUID
    user_id: UUID | None = Field(
        default=None, foreign_key="user.id", ondelete="CASCADE"
    )
    group_id: UUID | None = Field(
        default=None, foreign_key="group.id", ondelete="CASCADE"
    )
    level: str


class SessionRow(OwnedRow, table=True):
    """A login on one device; only the hash of its token is kept.

    `is_outside` says that somebody else has checked who it is, which counts as both factors. Until `reads_until` an
    administrator reads with it what `reads_user_id` has.
    """

    token_hash: str = Field(unique=True)
    user_agent: str = Field(default="", max_length=300)
    address: str = ""
    is_outside: bool = False
    reads_user_id: UUID | None = Field(
        default=None, foreign_key="user.id", ondelete="SET NULL"
    )
    reads_until: datetime | None = Field(default=None, sa_type=UtcColumn)
    last_seen_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)
    expires_at: datetime = Field(sa_type=UtcColumn)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcColumn)


class RefreshTokenRow(OwnedRow, table=True):
    """A token that gets a program fresh ones for its login, once; only its hash is kept.

    The used ones stay for a while: whoever shows one again has it from somewhere, and ends the login.
    """

    session_id: UUID = Field(foreign_key="session.id", index=True, ondelete="CASCADE")
    token_hash: str = Field(unique=True)
    used_at: datetime | None = Field(default=None, sa_type=UtcColumn)


class LinkedLoginRow(OwnedRow, table=True):
    """A login elsewhere that leads to an account: `subject` is who somebody is for the issuer, whatever they are called.

    `provider` is the key by which the settings knew the issuer; `login` is what somebody has last typed to be found there.
    """

    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    provider: str = Field(max_length=30)
    issuer: str = Field(max_length=500)
    subject: str = Field(max_length=255)
    email: str = Field(default="", max_length=254)
    login: str = ""
    last_used_at: datetime | None = Field(default=None, sa_type=UtcColumn)


class ApiKeyRow(OwnedRow, table=True):
    """A key for programs; only its hash and its first characters are kept.

    It has the permissions in `scopes` and runs the agents in `agent_ids`; None is all that its user may give a key.
    """

    name: str = Field(max_length=100)
    prefix: str = Field(index=True)
    key_hash: str = Field(unique=True)
    scopes: list[str] | None = Field(default=None, sa_type=JsonColumn)
    agent_ids: list[str] | None = Field(default=None, sa_type=JsonColumn)
    expires_at: datetime | None = Field(default=None, sa_type=UtcColumn)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcColumn)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcColumn)


class OneTimeLinkRow(Row, table=True):
    """A link that works once: it creates the owner account, sets the password of `user_id`, or makes an account for `email`."""

    purpose: str = Field(index=True)
    user_id: UUID | None = Field(default=None, index=True)
    email: str = ""
    token_hash: str = Field(unique=True)
    expires_at: datetime = Field(sa_type=UtcColumn)
    used_at: datetime | None = Field(default=None, sa_type=UtcColumn)


class MailRow(Row, table=True):
    """A letter that was not sent yet; its text, which may hold a one-time link, is encrypted.

    `tries` counts how often it was handed to a worker, and at `due_at` it is handed over again.
    """

    recipient: str
    subject: str
    text: str
    tries: int = 0
    due_at: datetime = Field(index=True, sa_type=UtcColumn)


class SecondFactorRow(OwnedRow, table=True):
    """The secret of an authenticator app; it counts once a code of the app has confirmed it.

    `last_step` is the time step (RFC 6238) of the last code that was taken: it and older ones are used up.
    """

    secret: str = Field(sa_type=_FactorColumn)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcColumn)
    last_step: int = 0


class RecoveryCodeRow(OwnedRow, table=True):
    """A code that works once in the place of the authenticator app; only its hash is kept."""

    code_hash: str = Field(index=True)
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
