"""Routes of people, for administrators who are signed in: an API key manages nobody."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from app.backend.api.deps import (
    CursorQuery,
    LimitQuery,
    PartsDep,
    ReadDep,
    WriteDep,
    may,
)
from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.paging import PAGE_SIZE, Page
from app.backend.core.settings import Settings
from app.backend.identity import letters, people, permissions, sign_up
from app.backend.identity.schemas import (
    InviteDraft,
    NewLink,
    PermissionsDraft,
    PermissionsView,
    PersonView,
)
from app.backend.system.people import suspend

router = APIRouter(prefix="/api/v1/users", tags=["users"])

Adding = Annotated[Actor, may(Permission.ADD_USER)]
Changing = Annotated[Actor, may(Permission.CHANGE_USER)]


class LinkView(BaseModel):
    """A one-time link with which its user chooses a password; it is shown this once, and with mail may be sent too."""

    model_config = ConfigDict(frozen=True)

    link: str
    is_sent: bool
    expires_at: datetime
    user: PersonView


class UserChange(BaseModel):
    """What to change about a user."""

    model_config = ConfigDict(frozen=True)

    role: Role | None = None
    is_active: bool | None = None


@router.get("")
async def list_users(
    actor: Annotated[Actor, may(Permission.VIEW_USER)],
    session: ReadDep,
    q: Annotated[str, Query(max_length=200, description="Part of a name.")] = "",
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> Page[PersonView]:
    """List users, newest first."""
    return await people.list_people(session, actor, text=q, cursor=cursor, limit=limit)


@router.post("", status_code=201)
async def invite_user(
    actor: Adding, session: WriteDep, parts: PartsDep, draft: InviteDraft
) -> LinkView:
    """Make an account, and the one-time link with which its person chooses a password; with mail it is sent too."""
    sign_up.check_invitations(parts.settings)
    made = await people.invite(session, actor, draft=draft)
    is_sent = await sign_up.send_invitation(
        session,
        made,
        settings=parts.settings,
        keyring=parts.keyring,
        outbox=parts.outbox,
    )
    return _with_link(made, parts.settings, is_sent=is_sent)


@router.post("/{user_id}/link", status_code=201)
async def make_link(
    user_id: UUID, actor: Changing, session: WriteDep, parts: PartsDep
) -> LinkView:
    """Make a one-time link with which a user chooses a new password."""
    made = await people.make_password_link(session, actor, user_id=user_id)
    return _with_link(made, parts.settings, is_sent=False)


@router.patch("/{user_id}")
async def change_user(
    user_id: UUID,
    actor: Changing,
    session: WriteDep,
    parts: PartsDep,
    change: UserChange,
) -> PersonView:
    """Give a user a role, suspend them, or let them back in."""
    view = await people.get_person(session, actor, user_id=user_id)
    if change.role is not None:
        view = await people.set_role(session, actor, user_id=user_id, role=change.role)
    if change.is_active is True:
        view = await people.set_active(session, actor, user_id=user_id, is_active=True)
    if change.is_active is False:
        view = await suspend(session, actor, user_id=user_id, parts=parts)
    return view


@router.delete("/{user_id}/second-factor")
async def remove_second_factor(
    user_id: UUID, actor: Changing, session: WriteDep
) -> PersonView:
    """Let a user who has lost their second factor sign in with their password alone."""
    return await people.remove_second_factor(session, actor, user_id=user_id)


@router.get("/{user_id}/permissions")
async def show_permissions(
    user_id: UUID, actor: Annotated[Actor, may(Permission.VIEW_USER)], session: ReadDep
) -> PermissionsView:
    """Return what a user may do by their role, and what was given and taken."""
    return await permissions.get_permissions(session, actor, user_id=user_id)


@router.put("/{user_id}/permissions")
async def set_permissions(
    user_id: UUID, actor: Changing, session: WriteDep, draft: PermissionsDraft
) -> PermissionsView:
    """Say what a user may do beside their role, and what not."""
    return await permissions.set_permissions(
        session, actor, user_id=user_id, draft=draft
    )


def _with_link(made: NewLink, settings: Settings, *, is_sent: bool) -> LinkView:
    return LinkView(
        link=letters.choose_password_link(settings, made.token),
        is_sent=is_sent,
        expires_at=made.expires_at,
        user=made.user,
    )
