"""The people of an installation, as administrators manage them: invited, given roles, suspended."""

from datetime import datetime
from uuid import UUID

from app.backend.core import clock
from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.crypto import hash_token
from app.backend.core.db import Session
from app.backend.core.errors import NotFound
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.identity import (
    administrators,
    audit,
    links,
    people_repository,
    repository,
    second_factor,
    sessions,
    sign_up,
)
from app.backend.identity.actors import actor_of, require
from app.backend.identity.audit import Action
from app.backend.identity.errors import EmailTaken, LastAdmin, PasswordLinkInvalid
from app.backend.identity.links import INVITATION_LIFE, PASSWORD_LINK
from app.backend.identity.outside import repository as linked
from app.backend.identity.schemas import (
    InviteDraft,
    NewLink,
    NewSession,
    PersonView,
    Verified,
)
from app.backend.identity.tables import UserRow


async def list_people(
    session: Session,
    actor: Actor,
    *,
    text: str = "",
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page[PersonView]:
    """Return a page of users, newest first; `text` is part of a name or an address."""
    require(actor, Permission.VIEW_USER)
    found = await people_repository.list_people(
        session, text=text.strip(), before=parse_cursor(cursor), limit=limit + 1
    )
    return to_page(await _to_views(session, found), limit)


async def get_person(session: Session, actor: Actor, *, user_id: UUID) -> PersonView:
    """Return a user.

    Raises:
        NotFound: there is no such user.
    """
    require(actor, Permission.VIEW_USER)
    return await _to_view(session, await _need(session, user_id))


async def find_id(session: Session, actor: Actor, *, email: str) -> UUID:
    """Return the id of the user with that address.

    Raises:
        NotFound: there is no such user.
    """
    require(actor, Permission.VIEW_USER)
    user = await repository.find_user_by_email(session, email.strip().lower())
    if user is None:
        raise NotFound("user", email)
    return user.id


async def invite(session: Session, actor: Actor, *, draft: InviteDraft) -> NewLink:
    """Make an account without a password, and the one-time link with which its person chooses one.

    Raises:
        EmailTaken: there is a user with that address.
    """
    require(actor, Permission.ADD_USER)
    if await repository.find_user_by_email(session, draft.email) is not None:
        raise EmailTaken(draft.email)
    user = UserRow(**draft.model_dump(), password_hash="")
    session.add(user)
    await session.flush()
    _record(session, actor, Action.USER_INVITED, user, role=user.role)
    return await _make_link(session, user)


async def make_password_link(
    session: Session, actor: Actor, *, user_id: UUID
) -> NewLink:
    """Make a one-time link with which a user chooses a new password; an older one stops working.

    The present password works until then.

    Raises:
        NotFound: there is no such user, or they are suspended.
    """
    require(actor, Permission.CHANGE_USER)
    user = await _need(session, user_id)
    if not user.is_active:
        raise NotFound("user", user_id)
    _record(session, actor, Action.PASSWORD_LINK_MADE, user)
    return await _make_link(session, user)


async def set_role(
    session: Session, actor: Actor, *, user_id: UUID, role: Role
) -> PersonView:
    """Give a user a role; it counts from their next click or request on.

    Raises:
        LastAdmin: nobody else could manage the installation.
        NotFound: there is no such user.
    """
    require(actor, Permission.CHANGE_USER)
    is_last = await administrators.is_last(session, user_id)
    user = await _need(session, user_id)
    if user.role != role:
        if is_last:
            raise LastAdmin
        _record(session, actor, Action.ROLE_CHANGED, user, old=user.role, new=role)
        user.role = role
        user.updated_at = clock.now()
    return await _to_view(session, user)


async def set_active(
    session: Session, actor: Actor, *, user_id: UUID, is_active: bool
) -> PersonView:
    """Suspend a user, or let them back in.

    A suspension ends their logins, API keys and links for good; with the account comes none of them back.

    Raises:
        LastAdmin: nobody else could manage the installation.
        NotFound: there is no such user.
    """
    require(actor, Permission.CHANGE_USER)
    is_last = await administrators.is_last(session, user_id)
    user = await _need(session, user_id)
    if user.is_active == is_active:
        return await _to_view(session, user)
    if is_active:
        _record(session, actor, Action.USER_REACTIVATED, user)
    elif is_last:
        raise LastAdmin
    else:
        _record(session, actor, Action.USER_SUSPENDED, user)
        await repository.end_sessions(session, user.id, clock.now(), but=None)
        await people_repository.end_keys(session, user.id, clock.now())
        await people_repository.forget_links_of(session, user.id)
    user.is_active = is_active
    user.updated_at = clock.now()
    return await _to_view(session, user)


async def remove_second_factor(
    session: Session, actor: Actor, *, user_id: UUID
) -> PersonView:
    """Let a user who has lost their second factor sign in with their password alone.

    Raises:
        NotFound: there is no such user.
    """
    require(actor, Permission.CHANGE_USER)
    user = await _need(session, user_id)
    await second_factor.remove(session, actor, user)
    return await _to_view(session, user)


async def choose_password(
    session: Session,
    *,
    token: str,
    password_hash: str,
    user_agent: str,
    session_days: int,
) -> NewSession | Verified:
    """Set the password of the user whom a one-time link names, end their logins, and sign them in.

    The link of somebody who signs up makes their account first.

    Whoever has a second factor is not signed in by a link alone: for it stands the answer `Verified`.

    Raises:
        PasswordLinkInvalid: the link is unknown, used or too old, or its user is suspended.
    """
    token_hash = hash_token(token)
    user_id = await people_repository.use_link(
        session, PASSWORD_LINK, token_hash, clock.now()
    )
    user = (
        await repository.find_user(session, user_id)
        if user_id
        else await sign_up.accept(session, token_hash)
    )
    if user is None or not user.is_active:
        raise PasswordLinkInvalid
    user.password_hash = password_hash
    user.updated_at = clock.now()
    await repository.end_sessions(session, user.id, clock.now(), but=None)
    await people_repository.forget_links_of(session, user.id)
    _record(session, actor_of(user), Action.PASSWORD_CHOSEN, user)
    if user.second_factor_at is not None:
        return Verified(user_id=user.id)
    return await sessions.open_session(session, user, user_agent, session_days)


async def _make_link(session: Session, user: UserRow) -> NewLink:
    await people_repository.forget_links_of(session, user.id)
    token, expires_at = await links.make_link(
        session, purpose=PASSWORD_LINK, life=INVITATION_LIFE, user_id=user.id
    )
    view = await _to_view(session, user)
    return NewLink(token=token, expires_at=expires_at, user=view)


async def _need(session: Session, user_id: UUID) -> UserRow:
    user = await repository.find_user(session, user_id)
    if user is None:
        raise NotFound("user", user_id)
    return user


def _record(
    session: Session, actor: Actor, action: Action, user: UserRow, **detail: str
) -> None:
    audit.record(
        session,
        actor,
        action,
        object_kind="user",
        object_id=user.id,
        email=user.email,
        **detail,
    )


async def _to_view(session: Session, user: UserRow) -> PersonView:
    (view,) = await _to_views(session, [(user, None)])
    return view


async def _to_views(
    session: Session, found: list[tuple[UserRow, datetime | None]]
) -> list[PersonView]:
    providers = await linked.providers_of(session, [user.id for user, _ in found])
    return [
        PersonView.model_validate(user).model_copy(
            update={
                "has_second_factor": user.second_factor_at is not None,
                "linked": providers.get(user.id, []),
                "last_seen_at": seen_at,
            }
        )
        for user, seen_at in found
    ]
