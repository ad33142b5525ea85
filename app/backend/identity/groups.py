"""Groups of people: administrators make them, everybody can share with them."""

from uuid import UUID

from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.core.errors import Conflict, NotFound
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.identity import audit, repository, sharing_repository
from app.backend.identity.actors import require
from app.backend.identity.audit import Action
from app.backend.identity.sharing_schemas import (
    GroupDraft,
    GroupView,
    MemberDraft,
    MemberView,
)
from app.backend.identity.tables import GroupMemberRow, GroupRow


async def list_groups(
    session: Session, actor: Actor, *, cursor: str | None = None, limit: int = PAGE_SIZE
) -> Page[GroupView]:
    """Return a page of groups, newest first."""
    require(actor, Permission.VIEW_GROUP)
    found = await sharing_repository.list_groups(
        session, after=parse_cursor(cursor), limit=limit + 1
    )
    views = [
        GroupView(id=row.id, name=row.name, members=members) for row, members in found
    ]
    return to_page(views, limit)


async def find_id(session: Session, actor: Actor, *, name: str) -> UUID:
    """Return the id of the group that is called so.

    Raises:
        NotFound: there is none.
    """
    require(actor, Permission.VIEW_GROUP)
    row = await sharing_repository.find_group_by_name(session, name.strip())
    if row is None:
        raise NotFound("group", name)
    return row.id


async def create_group(
    session: Session, actor: Actor, *, draft: GroupDraft
) -> GroupView:
    """Make a group without members.

    Raises:
        Conflict: there is one of that name.
    """
    require(actor, Permission.ADD_GROUP)
    await _check_name(session, draft.name)
    row = GroupRow(name=draft.name)
    session.add(row)
    await session.flush()
    _record(session, actor, Action.GROUP_CREATED, row)
    return GroupView(id=row.id, name=row.name)


async def rename_group(
    session: Session, actor: Actor, *, group_id: UUID, draft: GroupDraft
) -> GroupView:
    """Give a group another name.

    Raises:
        Conflict: there is one of that name.
        NotFound: there is no such group.
    """
    require(actor, Permission.CHANGE_GROUP)
    row = await _need_group(session, group_id)
    if row.name != draft.name:
        await _check_name(session, draft.name)
        _record(session, actor, Action.GROUP_RENAMED, row, new=draft.name)
        row.name = draft.name
        session.add(row)
        await session.flush()
    members = await sharing_repository.list_members(session, group_id)
    return GroupView(id=row.id, name=row.name, members=len(members))


async def delete_group(session: Session, actor: Actor, *, group_id: UUID) -> None:
    """Delete a group; what was shared with it is not shared with its members any more.

    Raises:
        NotFound: there is no such group.
    """
    require(actor, Permission.DELETE_GROUP)
    row = await _need_group(session, group_id)
    _record(session, actor, Action.GROUP_DELETED, row)
    await session.delete(row)
    await session.flush()


async def list_members(
    session: Session, actor: Actor, *, group_id: UUID
) -> list[MemberView]:
    """Return who is in a group: for those who manage groups.

    Raises:
        NotFound: there is no such group.
    """
    require(actor, Permission.CHANGE_GROUP)
    await _need_group(session, group_id)
    rows = await sharing_repository.list_members(session, group_id)
    return [MemberView.model_validate(row) for row in rows]


async def add_member(
    session: Session, actor: Actor, *, group_id: UUID, draft: MemberDraft
) -> MemberView:
    """Put a person into a group; doing so twice is fine.

    Raises:
        NotFound: there is no such group or person.
    """
    require(actor, Permission.CHANGE_GROUP)
    group = await _need_group(session, group_id)
    user = await repository.find_user_by_email(session, draft.email)
    if user is None:
        raise NotFound("user", draft.email)
    if await sharing_repository.find_member(session, group_id, user.id) is None:
        session.add(GroupMemberRow(group_id=group_id, user_id=user.id))
        await session.flush()
        _record(session, actor, Action.MEMBER_ADDED, group, email=user.email)
    return MemberView.model_validate(user)


async def remove_member(
    session: Session, actor: Actor, *, group_id: UUID, user_id: UUID
) -> None:
    """Take a person out of a group.

    Raises:
        NotFound: there is no such group, or the person is not in it.
    """
    require(actor, Permission.CHANGE_GROUP)
    group = await _need_group(session, group_id)
    row = await sharing_repository.find_member(session, group_id, user_id)
    user = await repository.find_user(session, user_id)
    if row is None or user is None:
        raise NotFound("user", user_id)
    await session.delete(row)
    await session.flush()
    _record(session, actor, Action.MEMBER_REMOVED, group, email=user.email)


async def _need_group(session: Session, group_id: UUID) -> GroupRow:
    row = await sharing_repository.find_group(session, group_id)
    if row is None:
        raise NotFound("group", group_id)
    return row


async def _check_name(session: Session, name: str) -> None:
    if await sharing_repository.find_group_by_name(session, name) is not None:
        message = f"There is already a group {name!r}. Use another name."
        raise Conflict(message)


def _record(
    session: Session, actor: Actor, action: Action, row: GroupRow, **detail: str
) -> None:
    audit.record(
        session,
        actor,
        action,
        object_kind="group",
        object_id=row.id,
        name=row.name,
        **detail,
    )
