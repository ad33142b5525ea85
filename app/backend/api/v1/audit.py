"""Routes of the audit, for administrators who are signed in."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime
from starlette.responses import StreamingResponse

from app.backend.api.deps import CursorQuery, LimitQuery, PartsDep, ReadDep, may
from app.backend.core.actor import Actor, Permission
from app.backend.core.paging import PAGE_SIZE, Page
from app.backend.identity import audit_chain, audit_log
from app.backend.identity.audit import Action
from app.backend.identity.audit_chain import AuditCheck
from app.backend.identity.audit_log import AuditFilter, AuditView

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])

Reader = Annotated[Actor, may(Permission.VIEW_USER)]


def _filter_of(
    email: Annotated[
        str, Query(max_length=254, description="Part of the address of who did it.")
    ] = "",
    action: Action | None = None,
    on: Annotated[
        str,
        Query(
            alias="object",
            max_length=100,
            description="Id or kind of what it was done on.",
        ),
    ] = "",
    result: Literal["done", "refused"] | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> AuditFilter:
    return AuditFilter(
        email=email, action=action, object=on, result=result, since=since, until=until
    )


Wanted = Annotated[AuditFilter, Depends(_filter_of)]


@router.get("")
async def list_audit(
    actor: Reader,
    session: ReadDep,
    wanted: Wanted,
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> Page[AuditView]:
    """List what was done, newest first."""
    return await audit_log.list_audit(
        session, actor, wanted=wanted, cursor=cursor, limit=limit
    )


@router.get("/verify")
async def verify_audit(actor: Reader, parts: PartsDep) -> AuditCheck:
    """Go through the chain of the audit: is every row as it was written, and which is the first that is not?"""
    return await audit_chain.verify(parts.db, actor, parts.keyring)


@router.get("/export", response_class=StreamingResponse)
async def export_audit(
    actor: Reader, parts: PartsDep, wanted: Wanted
) -> StreamingResponse:
    """Download what was done as JSON lines, newest first."""
    return StreamingResponse(
        audit_log.export_audit(parts.db, actor, wanted=wanted),
        media_type="application/jsonl",
        headers={"Content-Disposition": 'attachment; filename="audit.jsonl"'},
    )
