"""Rows of secrets."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, UniqueConstraint

from app.backend.core import clock
from app.backend.core.rows import OwnedRow, UtcColumn
from app.backend.core.sealing import SealedText

VALUE_PURPOSE = "secrets.value"
_ValueColumn: Any = SealedText(VALUE_PURPOSE)


class SecretRow(OwnedRow, table=True):
    """A value under a name; what refers to it says `db:name`."""

    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    name: str = Field(max_length=100)
    value: str = Field(sa_type=_ValueColumn)
    updated_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcColumn)
