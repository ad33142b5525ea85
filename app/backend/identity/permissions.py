"""Permissions that an administrator gives to one person, or takes from them, beside their role."""

from uuid import UUID

from app.backend.core import clock
from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.db import Session
from app.backend.core.errors import Invalid, NotFound
from app.backend.identity import audit, repository
from app.backend.identity.actors import require
from app.backend.identity.audit import Action
from app.backend.identity.schemas import PermissionsDraft, PermissionsView
from app.backend.identity.scopes import OFFERED, permissions_of
from app.backend.identity.tables import UserRow


async def get_permissions(
    session: Session, actor: Actor, *, user_id: UUID
) -> PermissionsView:
    """Return what a user may do by their role, and what was given and taken.

    Raises:
        NotFound: there is no such user.
    """
    require(actor, Permission.VIEW_USER)
    return _to_view(await _need(session, user_id))


async def set_permissions(
    session: Session, actor: Actor, *, user_id: UUID, draft: PermissionsDraft
) -> PermissionsView:
    """Say what a user may do beside their role, and what not; it counts from their next click or request on.

    Raises:
        Invalid: one of them comes with the role only, or is given and taken at once.
        NotFound: there is no such user.
    """
    require(actor, Permission.CHANGE_USER)
    user = await _need(session, user_id)
    _check(draft)
    of_role = permissions_of(Role(user.role))
    given = sorted(set(draft.given) - of_role)
    taken = sorted(set(draft.taken) & of_role)
    if (given, taken) != (user.given, user.taken):
        user.given, user.taken = [*given], [*taken]
        user.updated_at = clock.now()
        session.add(user)
        audit.record(
            session,
            actor,
            Action.PERMISSIONS_CHANGED,
            object_kind="user",
            object_id=user.id,
            email=user.email,
            given=", ".join(given),
            taken=", ".join(taken),
        )
    return _to_view(user)


async def change_permission(
    session: Session,
    actor: Actor,
    *,
    user_id: UUID,
    permission: Permission,
    has: bool,
) -> PermissionsView:
    """Give a user one permission, or take it from them; the others stay.

    Raises:
        Invalid: it comes with the role only.
        NotFound: there is no such user.
    """
    now = await get_permissions(session, actor, user_id=user_id)
    given, taken = set(now.given) - {permission}, set(now.taken) - {permission}
    (given if has else taken).add(permission)
    draft = PermissionsDraft(given=sorted(given), taken=sorted(taken))
    return await set_permissions(session, actor, user_id=user_id, draft=draft)


def _check(draft: PermissionsDraft) -> None:
    for field, wanted in (("given", draft.given), ("taken", draft.taken)):
        wrong = [one.value for one in wanted if one not in OFFERED]
        if wrong:
            message = f"{wrong[0]!r} comes with a role only. Give the person another role instead."
            raise Invalid.field(field, message)
    both = set(draft.given) & set(draft.taken)
    if both:
        message = f"{sorted(both)[0].value!r} cannot be given and taken at once."
        raise Invalid.field("taken", message)


async def _need(session: Session, user_id: UUID) -> UserRow:
    user = await repository.find_user(session, user_id)
    if user is None:
        raise NotFound("user", user_id)
    return user


def _to_view(user: UserRow) -> PermissionsView:
    role = Role(user.role)
    return PermissionsView(
        role=role,
        given=[Permission(name) for name in user.given if name in set(Permission)],
        taken=[Permission(name) for name in user.taken if name in set(Permission)],
        of_role=sorted(permissions_of(role)),
        offered=[*OFFERED],
    )
