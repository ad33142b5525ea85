"""Rows of tools."""

from datetime import datetime

from sqlmodel import Field, UniqueConstraint

from app.backend.core import clock
from app.backend.core.rows import OwnedRow, UtcColumn


class NoteRow(OwnedRow, table=True):
    """A note; `effect_key` is the last tool call that wrote it, so that the same call twice writes once."""

    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    name: str = Field(max_length=200)
    text: str
    effect_key: str = ""
    updated_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)
