"""Routes of usage."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import StreamingResponse

from app.backend.api.deps import PartsDep, ReadDep, may
from app.backend.core import clock
from app.backend.core.actor import Actor, Permission
from app.backend.usage import service as usage
from app.backend.usage.schemas import Day, UsageGroup, UsageReport, UsageWish

router = APIRouter(prefix="/api/v1/usage", tags=["usage"])

Viewer = Annotated[Actor, may(Permission.VIEW_RUN)]
_DAYS = timedelta(days=29)


def _wish_of(
    since: Annotated[
        Day | None,
        Query(alias="from", description="First day, in UTC; default: 29 days ago."),
    ] = None,
    until: Annotated[
        Day | None, Query(alias="to", description="Last day; default: today.")
    ] = None,
    agent_id: UUID | None = None,
    model: Annotated[str, Query(max_length=300)] = "",
    provider: Annotated[str, Query(max_length=300)] = "",
    user_id: Annotated[
        UUID | None, Query(description="Somebody else's; for administrators.")
    ] = None,
    is_everyone: Annotated[
        bool, Query(description="Of all users; for administrators.")
    ] = False,
) -> UsageWish:
    last = until or clock.now().date()
    return UsageWish(
        since=since or last - _DAYS,
        until=last,
        agent_id=agent_id,
        model=model,
        provider=provider,
        user_id=user_id,
        is_everyone=is_everyone,
    )


Wish = Annotated[UsageWish, Depends(_wish_of)]


@router.get("")
async def report_usage(
    actor: Viewer,
    session: ReadDep,
    wish: Wish,
    group_by: UsageGroup = UsageGroup.DAY,
) -> UsageReport:
    """Add up what calls of models took and cost: by day, agent, model, provider or user."""
    return await usage.report_usage(session, actor, wish=wish, group_by=group_by)


@router.get("/export", response_class=StreamingResponse)
async def export_usage(actor: Viewer, parts: PartsDep, wish: Wish) -> StreamingResponse:
    """Download each call of a model as a line of CSV, oldest first."""
    usage.may_export(actor, wish)
    return StreamingResponse(
        usage.export_usage(parts.db, actor, wish=wish),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="usage.csv"'},
    )
