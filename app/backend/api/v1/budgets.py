"""Routes of budgets."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.backend.api.bodies import AsShown
from app.backend.api.deps import (
    CursorQuery,
    LimitQuery,
    PartsDep,
    ReadDep,
    WriteDep,
    may,
)
from app.backend.budgets import service as budgets
from app.backend.budgets.schemas import BudgetChange, BudgetDraft, BudgetView
from app.backend.core.actor import Actor, Permission
from app.backend.core.paging import PAGE_SIZE, Page

router = APIRouter(prefix="/api/v1/budgets", tags=["usage"])

Viewer = Annotated[Actor, may(Permission.VIEW_BUDGET)]
Changer = Annotated[Actor, may(Permission.CHANGE_BUDGET)]
OfAllQuery = Annotated[
    bool, Query(alias="is_everyone", description="Of all users; for administrators.")
]


@router.get("")
async def list_budgets(
    actor: Viewer,
    session: ReadDep,
    is_everyone: OfAllQuery = False,
    agent_id: Annotated[
        UUID | None, Query(description="Only those of this agent.")
    ] = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> Page[BudgetView]:
    """List budgets, and how much of each is used, newest first."""
    return await budgets.list_budgets(
        session,
        actor,
        is_everyone=is_everyone,
        agent_id=agent_id,
        cursor=cursor,
        limit=limit,
    )


@router.post("", status_code=201)
async def create_budget(
    actor: Changer, parts: PartsDep, draft: BudgetDraft
) -> BudgetView:
    """Set a budget on oneself or an agent of one's own; administrators set it on everything, also on each person of a tier."""
    await budgets.check_model(parts.models, actor, draft.cheaper_model)
    async with parts.db.transaction() as session:
        return await budgets.create_budget(session, actor, draft=draft)


@router.get("/{budget_id}")
async def show_budget(
    actor: Viewer, session: ReadDep, budget_id: UUID, is_everyone: OfAllQuery = False
) -> BudgetView:
    """Return a budget, and how much of it is used."""
    return await budgets.get_budget(
        session, actor, budget_id=budget_id, is_everyone=is_everyone
    )


@router.patch("/{budget_id}")
async def change_budget(
    actor: Changer,
    parts: PartsDep,
    budget_id: UUID,
    change: Annotated[BudgetChange, AsShown(BudgetView)],
    is_everyone: OfAllQuery = False,
) -> BudgetView:
    """Change a budget; what is left out stays."""
    await budgets.check_model(parts.models, actor, change.cheaper_model)
    async with parts.db.transaction() as session:
        return await budgets.change_budget(
            session,
            actor,
            budget_id=budget_id,
            change=change,
            is_everyone=is_everyone,
        )


@router.delete("/{budget_id}", status_code=204)
async def delete_budget(
    actor: Changer, session: WriteDep, budget_id: UUID, is_everyone: OfAllQuery = False
) -> None:
    """Delete a budget."""
    await budgets.delete_budget(
        session, actor, budget_id=budget_id, is_everyone=is_everyone
    )
