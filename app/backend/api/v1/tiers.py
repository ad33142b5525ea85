"""Routes of tiers and limits: administrators manage them, everybody sees their own."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from app.backend.api.bodies import AsShown
from app.backend.api.deps import (
    ActorDep,
    CursorQuery,
    LimitQuery,
    PartsDep,
    ReadDep,
    WriteDep,
    may,
)
from app.backend.core.actor import Actor, Permission
from app.backend.core.paging import PAGE_SIZE, Page
from app.backend.identity import tiers
from app.backend.identity.tier_schemas import (
    PersonLimits,
    PersonLimitsDraft,
    TierDraft,
    TierView,
)
from app.backend.system.limits import LimitsUse, show_limits

router = APIRouter(prefix="/api/v1", tags=["tiers"])

Viewer = Annotated[Actor, may(Permission.VIEW_USER)]
Changer = Annotated[Actor, may(Permission.CHANGE_USER)]


@router.get("/tiers")
async def list_tiers(
    actor: Viewer,
    session: ReadDep,
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> Page[TierView]:
    """List tiers, newest first."""
    return await tiers.list_tiers(session, actor, cursor=cursor, limit=limit)


@router.post("/tiers", status_code=201)
async def create_tier(actor: Changer, session: WriteDep, draft: TierDraft) -> TierView:
    """Make a tier."""
    return await tiers.create_tier(session, actor, draft=draft)


@router.get("/tiers/{tier_id}")
async def show_tier(actor: Viewer, session: ReadDep, tier_id: UUID) -> TierView:
    """Return a tier."""
    return await tiers.get_tier(session, actor, tier_id=tier_id)


@router.put("/tiers/{tier_id}")
async def change_tier(
    actor: Changer,
    session: WriteDep,
    tier_id: UUID,
    draft: Annotated[TierDraft, AsShown(TierView)],
) -> TierView:
    """Give a tier another name or other limits."""
    return await tiers.change_tier(session, actor, tier_id=tier_id, draft=draft)


@router.delete("/tiers/{tier_id}", status_code=204)
async def delete_tier(actor: Changer, session: WriteDep, tier_id: UUID) -> None:
    """Delete a tier; its people are in the default one from then on."""
    await tiers.delete_tier(session, actor, tier_id=tier_id)


@router.get("/users/{user_id}/limits")
async def show_person_limits(
    actor: Viewer, session: ReadDep, user_id: UUID
) -> PersonLimits:
    """Return the tier of a user, and what they may use."""
    return await tiers.get_person_limits(session, actor, user_id=user_id)


@router.put("/users/{user_id}/limits")
async def set_person_limits(
    actor: Changer, session: WriteDep, user_id: UUID, draft: PersonLimitsDraft
) -> PersonLimits:
    """Put a user into a tier, and give them limits of their own."""
    return await tiers.set_person_limits(session, actor, user_id=user_id, draft=draft)


@router.get("/usage/limits")
async def show_own_limits(
    actor: ActorDep, session: ReadDep, parts: PartsDep
) -> LimitsUse:
    """Return what the caller may use, and how much of it they have used."""
    return await show_limits(
        session, actor, settings=parts.settings, requests=parts.request_limits
    )
