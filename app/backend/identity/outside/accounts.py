"""Which account somebody gets whom another service has named, and the logins that are linked to an account."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog
from pydantic import ValidationError

from app.backend.core import acting, clock
from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.db import Session
from app.backend.core.errors import NotFound
from app.backend.core.settings import Settings
from app.backend.identity import (
    administrators,
    audit,
    people_repository,
    sessions,
    sign_up,
)
from app.backend.identity import repository as users
from app.backend.identity.actors import actor_of, need_user, require
from app.backend.identity.audit import Action
from app.backend.identity.outside import repository
from app.backend.identity.outside.errors import (
    AccountInUse,
    AccountSuspended,
    EmailUnproved,
    LastWayIn,
    LinkedElsewhere,
    LinkImpossible,
    NotInvited,
)
from app.backend.identity.outside.roles import role_for
from app.backend.identity.outside.schemas import LinkedLoginView, Outsider
from app.backend.identity.schemas import InviteDraft, NewSession
from app.backend.identity.tables import LinkedLoginRow, UserRow

logger = structlog.get_logger(__name__)

_NAME_MAX = 100


async def sign_in(
    session: Session, *, outsider: Outsider, settings: Settings, user_agent: str
) -> NewSession:
    """Sign in whom another service has named; their service has asked for all factors that it wants.

    Raises:
        AccountSuspended, EmailUnproved, AccountInUse, LinkImpossible, NotInvited: see `admit`.
    """
    user = await admit(session, outsider=outsider, settings=settings)
    audit.record(session, actor_of(user), Action.LOGGED_IN, provider=outsider.provider)
    return await sessions.open_session(
        session, user, user_agent, settings.session_days, is_outside=True
    )


async def admit(session: Session, *, outsider: Outsider, settings: Settings) -> UserRow:
    """Return the account of somebody whom another service has named, with the role that their service gives.

    An account that is there already is theirs only if nobody else can have used it: see decision 24.

    Raises:
        AccountSuspended: it is so.
        EmailUnproved: the address may be somebody else's.
        AccountInUse, LinkImpossible: somebody signs in to it in another way.
        NotInvited: there is no account, and none may be made.
    """
    try:
        user = await _recognize(session, outsider)
        user = user or await _take_in(session, outsider, settings)
    except (AccountInUse, LinkImpossible):
        # Another window of theirs may have been faster.
        user = await _recognize(session, outsider)
        if user is None:
            raise
    await _give_role(session, user, outsider)
    return user


async def link(
    session: Session, actor: Actor, *, outsider: Outsider
) -> LinkedLoginView:
    """Let a login elsewhere lead to the actor's account; doing so twice is fine.

    Raises:
        LinkedElsewhere: it leads to another account.
    """
    user = await need_user(session, actor.user_id)
    found = await repository.find_owner(
        session, issuer=outsider.issuer, subject=outsider.subject
    )
    if found is None:
        row = await _link(session, user, outsider, used_at=None)
    else:
        row, owner = found
        if owner.id != user.id:
            raise LinkedElsewhere
    return LinkedLoginView.model_validate(row)


async def list_linked(session: Session, actor: Actor) -> list[LinkedLoginView]:
    """Return the logins elsewhere that lead to the actor's account, oldest first."""
    rows = await repository.list_linked(session, actor)
    return [LinkedLoginView.model_validate(row) for row in rows]


async def list_linked_of(
    session: Session, actor: Actor, *, user_id: UUID
) -> list[LinkedLoginView]:
    """Return the logins elsewhere that lead to somebody's account, who may be suspended."""
    require(actor, Permission.VIEW_USER)
    rows = await repository.list_linked_of(session, user_id)
    return [LinkedLoginView.model_validate(row) for row in rows]


async def unlink(session: Session, actor: Actor, *, linked_id: UUID) -> None:
    """Let a login elsewhere not lead to the actor's account any more.

    Raises:
        NotFound: there is no such login.
        LastWayIn: nobody could sign in to the account then.
    """
    user = await need_user(session, actor.user_id)
    rows = await repository.list_linked(session, actor)
    await _unlink(session, actor, user, rows, linked_id)


async def unlink_of(
    session: Session, actor: Actor, *, user_id: UUID, linked_id: UUID
) -> None:
    """Let a login elsewhere not lead to somebody's account any more, who may be suspended.

    Raises:
        NotFound: there is no such user, or no such login of theirs.
        LastWayIn: nobody could sign in to the account then.
    """
    require(actor, Permission.CHANGE_USER)
    user = await users.find_user(session, user_id)
    if user is None:
        raise NotFound("user", user_id)
    rows = await repository.list_linked_of(session, user_id)
    await _unlink(session, actor, user, rows, linked_id)


async def _unlink(
    session: Session,
    actor: Actor,
    user: UserRow,
    rows: Sequence[LinkedLoginRow],
    linked_id: UUID,
) -> None:
    row = next((row for row in rows if row.id == linked_id), None)
    if row is None:
        raise NotFound("linked login", linked_id)
    if not user.password_hash and len(rows) == 1:
        raise LastWayIn
    with acting.as_gate():
        await session.delete(row)
        await session.flush()
    audit.record(
        session,
        actor,
        Action.LOGIN_UNLINKED,
        object_kind="user",
        object_id=user.id,
        provider=row.provider,
        email=row.email,
    )


async def _recognize(session: Session, outsider: Outsider) -> UserRow | None:
    """Return whose account their login leads to already."""
    found = await repository.find_owner(
        session, issuer=outsider.issuer, subject=outsider.subject
    )
    if found is None:
        return None
    row, user = found
    _need_active(user)
    row.provider, row.email = outsider.provider, _email_of(outsider)
    row.login, row.last_used_at = outsider.login, clock.now()
    return user


async def _take_in(session: Session, outsider: Outsider, settings: Settings) -> UserRow:
    """Let their login lead to the account of their address from now on."""
    user = await _find_or_make(session, outsider, settings)
    await _link(session, user, outsider, used_at=clock.now())
    return user


async def _find_or_make(
    session: Session, outsider: Outsider, settings: Settings
) -> UserRow:
    email = _email_of(outsider)
    if not email or not outsider.is_email_proved:
        raise EmailUnproved
    user = await users.find_user_by_email(session, email)
    if user is None:
        if not _may_sign_up(outsider, settings, email):
            raise NotInvited
        return await _make(session, outsider, email)
    _need_active(user)
    # Whoever made an account with a password may be another than whoever owns the address.
    if user.password_hash or await repository.providers_of(session, [user.id]):
        raise AccountInUse if outsider.can_link else LinkImpossible
    user.display_name = user.display_name or outsider.name[:_NAME_MAX]
    # They have come: the link of the invitation is of no use any more.
    await people_repository.forget_links_of(session, user.id)
    return user


def _may_sign_up(outsider: Outsider, settings: Settings, email: str) -> bool:
    if settings.sign_up == "closed":
        return False
    return outsider.may_sign_up or sign_up.may_have_account(settings, email)


async def _make(session: Session, outsider: Outsider, email: str) -> UserRow:
    user = UserRow(
        email=email,
        display_name=outsider.name[:_NAME_MAX],
        role=Role.USER,
        password_hash="",
    )
    session.add(user)
    await session.flush()
    audit.record(
        session,
        actor_of(user),
        Action.USER_SIGNED_UP,
        object_kind="user",
        object_id=user.id,
        email=email,
        provider=outsider.provider,
    )
    return user


async def _link(
    session: Session, user: UserRow, outsider: Outsider, *, used_at: datetime | None
) -> LinkedLoginRow:
    row = LinkedLoginRow(
        owner_id=user.id,
        provider=outsider.provider,
        issuer=outsider.issuer,
        subject=outsider.subject,
        email=_email_of(outsider),
        login=outsider.login,
        last_used_at=used_at,
    )
    session.add(row)
    await session.flush()
    audit.record(
        session,
        actor_of(user),
        Action.LOGIN_LINKED,
        object_kind="user",
        object_id=user.id,
        provider=row.provider,
        email=row.email,
    )
    return row


async def _give_role(session: Session, user: UserRow, outsider: Outsider) -> None:
    role = role_for(Role(user.role), outsider.claims, outsider.roles)
    if role == user.role:
        return
    if await administrators.is_last(session, user.id):
        logger.warning("last_administrator_stays", provider=outsider.provider)
        return
    audit.record(
        session,
        actor_of(user),
        Action.ROLE_CHANGED,
        object_kind="user",
        object_id=user.id,
        email=user.email,
        old=user.role,
        new=role,
        provider=outsider.provider,
    )
    user.role = role
    user.updated_at = clock.now()


def _need_active(user: UserRow) -> None:
    if not user.is_active:
        raise AccountSuspended


def _email_of(outsider: Outsider) -> str:
    """Return the address as accounts have it; what is none is nothing."""
    try:
        return InviteDraft(email=outsider.email).email
    except ValidationError:
        return ""
