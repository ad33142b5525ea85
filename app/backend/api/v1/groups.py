"""Routes of groups: everybody sees their names, administrators manage them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from app.backend.api.bodies import AsShown
from app.backend.api.deps import CursorQuery, LimitQuery, ReadDep, WriteDep, may
from app.backend.core.actor import Actor, Permission
from app.backend.core.paging import PAGE_SIZE, Page
from app.backend.identity import groups
from app.backend.identity.sharing_schemas import (
    GroupDraft,
    GroupView,
    MemberDraft,
    MemberView,
)

router = APIRouter(prefix="/api/v1/groups", tags=["groups"])

Changer = Annotated[Actor, may(Permission.CHANGE_GROUP)]


class MemberList(BaseModel):
    """All people of one group, by address."""

    model_config = ConfigDict(frozen=True)

    items: list[MemberView]


@router.get("")
async def list_groups(
    actor: Annotated[Actor, may(Permission.VIEW_GROUP)],
    session: ReadDep,
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> Page[GroupView]:
    """List groups, newest first."""
    return await groups.list_groups(session, actor, cursor=cursor, limit=limit)


@router.post("", status_code=201)
async def create_group(
    actor: Annotated[Actor, may(Permission.ADD_GROUP)],
    session: WriteDep,
    draft: GroupDraft,
) -> GroupView:
    """Make a group without members."""
    return await groups.create_group(session, actor, draft=draft)


@router.put("/{group_id}")
async def rename_group(
    actor: Changer,
    session: WriteDep,
    group_id: UUID,
    draft: Annotated[GroupDraft, AsShown(GroupView)],
) -> GroupView:
    """Give a group another name."""
    return await groups.rename_group(session, actor, group_id=group_id, draft=draft)


@router.delete("/{group_id}", status_code=204)
async def delete_group(
    actor: Annotated[Actor, may(Permission.DELETE_GROUP)],
    session: WriteDep,
    group_id: UUID,
) -> None:
    """Delete a group; what was shared with it is not shared with its members any more."""
    await groups.delete_group(session, actor, group_id=group_id)


@router.get("/{group_id}/members")
async def list_members(actor: Changer, session: ReadDep, group_id: UUID) -> MemberList:
    """List the people of a group."""
    items = await groups.list_members(session, actor, group_id=group_id)
    return MemberList(items=items)


@router.post("/{group_id}/members", status_code=201)
async def add_member(
    actor: Changer, session: WriteDep, group_id: UUID, draft: MemberDraft
) -> MemberView:
    """Put a person into a group."""
    return await groups.add_member(session, actor, group_id=group_id, draft=draft)


@router.delete("/{group_id}/members/{user_id}", status_code=204)
async def remove_member(
    actor: Changer, session: WriteDep, group_id: UUID, user_id: UUID
) -> None:
    """Take a person out of a group."""
    await groups.remove_member(session, actor, group_id=group_id, user_id=user_id)
