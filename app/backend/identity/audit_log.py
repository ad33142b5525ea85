"""The audit, as administrators read it."""

import json
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement
from sqlmodel import col, select

from app.backend.core import acting
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Database, Session
from app.backend.core.paging import (
    PAGE_SIZE,
    PAGE_SIZE_MAX,
    Listed,
    Page,
    parse_cursor,
    to_page,
)
from app.backend.core.texts import Text
from app.backend.identity.actors import require
from app.backend.identity.audit import Action
from app.backend.identity.tables import AuditRow, UserRow


class AuditView(Listed):
    """Who did what on what, when, from where, with which result."""

    created_at: datetime
    email: str
    action: str
    object_kind: str
    object_id: UUID | None
    detail: dict[str, str]
    result: str
    address: str
    correlation_id: UUID | None
    number: int | None
    hash: str


class AuditFilter(BaseModel):
    """Which rows are wanted; empty means all."""

    model_config = ConfigDict(frozen=True)

    email: str = Field(default="", max_length=254)
    action: Action | None = None
    object: Text = Field(default="", max_length=100)
    result: Literal["done", "refused"] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


async def list_audit(
    session: Session,
    actor: Actor,
    *,
    wanted: AuditFilter,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page[AuditView]:
    """Return a page of the audit, newest first."""
    require(actor, Permission.VIEW_USER)
    before = parse_cursor(cursor)
    query = (
        select(AuditRow, UserRow.email)  # lint-skip: repo-scope - of everybody
        .join(UserRow, col(UserRow.id) == col(AuditRow.owner_id))
        .order_by(col(AuditRow.id).desc())
        .limit(limit + 1)
    )
    if wanted.email.strip():
        text = wanted.email.strip()
        query = query.where(col(UserRow.email).icontains(text, autoescape=True))
    if wanted.action is not None:
        query = query.where(col(AuditRow.action) == wanted.action)
    if wanted.object.strip():
        query = query.where(_is_on(wanted.object.strip()))
    if wanted.result is not None:
        query = query.where(col(AuditRow.result) == wanted.result)
    if wanted.since is not None:
        query = query.where(col(AuditRow.created_at) >= wanted.since)
    if wanted.until is not None:
        query = query.where(col(AuditRow.created_at) < wanted.until)
    if before is not None:
        query = query.where(col(AuditRow.id) < before)
    with acting.as_gate():
        rows = (await session.exec(query)).all()
    views = [
        AuditView.model_validate({**row.model_dump(), "email": email})
        for row, email in rows
    ]
    return to_page(views, limit)


def _is_on(text: str) -> ColumnElement[bool]:
    """Return the condition that something was done on what has that id, or is of that kind."""
    try:
        return col(AuditRow.object_id) == UUID(text)
    except ValueError:
        return col(AuditRow.object_kind) == text.lower()


async def export_audit(
    db: Database, actor: Actor, *, wanted: AuditFilter
) -> AsyncGenerator[str, None]:
    """Yield the rows that are wanted as JSON lines, newest first, a page at a time."""
    cursor = None
    while True:
        async with db.read() as session:
            page = await list_audit(
                session, actor, wanted=wanted, cursor=cursor, limit=PAGE_SIZE_MAX
            )
        for view in page.items:
            yield json.dumps(view.model_dump(mode="json"), ensure_ascii=False) + "\n"
        cursor = page.next_cursor
        if cursor is None:
            return
