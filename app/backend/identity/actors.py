"""The actor behind a user's row, and what an actor must be."""

from uuid import UUID

from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.db import Session
from app.backend.core.errors import Forbidden, NotFound
from app.backend.identity import repository, scopes
from app.backend.identity.tables import UserRow


def actor_of(user: UserRow) -> Actor:
    """Return who the user is to the rest of the code."""
    role = Role(user.role)
    return Actor(
        user_id=user.id,
        email=user.email,
        role=role,
        permissions=scopes.effective(role, user.given, user.taken),
    )


async def need_user(session: Session, user_id: UUID) -> UserRow:
    """Return the row of an active user.

    Raises:
        NotFound: the user is gone or suspended.
    """
    user = await repository.find_user(session, user_id)
    if user is None or not user.is_active:
        raise NotFound("user", user_id)
    return user


def require(actor: Actor, permission: Permission) -> None:
    """Raise Forbidden unless the actor has the permission."""
    if not actor.may(permission):
        message = "You may not do this. Ask an administrator of this installation."
        raise Forbidden(message)
