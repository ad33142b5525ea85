"""Keeps an installation from losing the last person who can manage it."""

from uuid import UUID

from app.backend.core.db import Session
from app.backend.identity import people_repository
from app.backend.identity.outside import repository as linked
from app.backend.identity.tables import UserRow


async def is_last(session: Session, user_id: UUID) -> bool:
    """Tell whether without this user nobody could manage the installation.

    Until the commit nobody else can change an administrator, so that the answer stays true.
    """
    admins = await people_repository.lock_admins(session)
    others = [admin for admin in admins if admin.id != user_id and admin.is_active]
    is_admin = any(admin.id == user_id for admin in admins)
    return is_admin and not await _can_sign_in(session, others)


async def _can_sign_in(session: Session, users: list[UserRow]) -> bool:
    # Who was invited and never came manages nothing.
    if any(user.password_hash for user in users):
        return True
    return bool(await linked.providers_of(session, [user.id for user in users]))
