"""Tiers: administrators make them and say who is in which; everybody may see their own limits."""

from uuid import UUID

from app.backend.core import clock
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.core.errors import Conflict, NotFound
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.identity import audit, repository, tier_repository
from app.backend.identity.actors import require
from app.backend.identity.audit import Action
from app.backend.identity.tables import TierRow, UserRow
from app.backend.identity.tier_schemas import (
    Limits,
    PersonLimits,
    PersonLimitsDraft,
    TierDraft,
    TierView,
)

NO_DEFAULT = (
    "This is the tier of all who have no other. Make another one the default first."
)


async def list_tiers(
    session: Session, actor: Actor, *, cursor: str | None = None, limit: int = PAGE_SIZE
) -> Page[TierView]:
    """Return a page of tiers, newest first."""
    require(actor, Permission.VIEW_USER)
    found = await tier_repository.list_tiers(
        session, after=parse_cursor(cursor), limit=limit + 1
    )
    return to_page([_to_view(row, people) for row, people in found], limit)


async def find_id(session: Session, actor: Actor, *, name: str) -> UUID:
    """Return the id of the tier that is called so.

    Raises:
        NotFound: there is none.
    """
    require(actor, Permission.VIEW_USER)
    row = await tier_repository.find_tier_by_name(session, name.strip())
    if row is None:
        raise NotFound("tier", name)
    return row.id


async def get_tier(session: Session, actor: Actor, *, tier_id: UUID) -> TierView:
    """Return a tier.

    Raises:
        NotFound: there is no such tier.
    """
    require(actor, Permission.VIEW_USER)
    return await _view_of(session, await _need_tier(session, tier_id))


async def create_tier(session: Session, actor: Actor, *, draft: TierDraft) -> TierView:
    """Make a tier; one that is the default takes that from the one before.

    Raises:
        Conflict: there is one of that name.
    """
    require(actor, Permission.CHANGE_USER)
    await _check_name(session, draft.name)
    if draft.is_default:
        await tier_repository.take_default(session)
    row = TierRow(**draft.model_dump())
    session.add(row)
    await session.flush()
    _record(session, actor, Action.TIER_CREATED, row)
    return await _view_of(session, row)


async def change_tier(
    session: Session, actor: Actor, *, tier_id: UUID, draft: TierDraft
) -> TierView:
    """Give a tier another name or other limits; they count within five seconds.

    Raises:
        Conflict: there is one of that name, or nobody would have a tier any more.
        NotFound: there is no such tier.
    """
    require(actor, Permission.CHANGE_USER)
    row = await _need_tier(session, tier_id)
    if row.name != draft.name:
        await _check_name(session, draft.name)
    if row.is_default and not draft.is_default:
        raise Conflict(NO_DEFAULT)
    if draft.is_default and not row.is_default:
        await tier_repository.take_default(session)
    row.sqlmodel_update(draft.model_dump())
    session.add(row)
    await session.flush()
    _record(session, actor, Action.TIER_CHANGED, row)
    return await _view_of(session, row)


async def delete_tier(session: Session, actor: Actor, *, tier_id: UUID) -> None:
    """Delete a tier; its people are in the default one from then on.

    Raises:
        Conflict: it is the default one.
        NotFound: there is no such tier.
    """
    require(actor, Permission.CHANGE_USER)
    row = await _need_tier(session, tier_id)
    if row.is_default:
        raise Conflict(NO_DEFAULT)
    _record(session, actor, Action.TIER_DELETED, row)
    await session.delete(row)
    await session.flush()


async def get_person_limits(
    session: Session, actor: Actor, *, user_id: UUID
) -> PersonLimits:
    """Return the tier of a user and what they may use: their own, or for administrators anybody's.

    Raises:
        NotFound: there is no such user.
    """
    if user_id != actor.user_id:
        require(actor, Permission.VIEW_USER)
    return await _person_limits(session, await _need_user(session, user_id))


async def set_person_limits(
    session: Session, actor: Actor, *, user_id: UUID, draft: PersonLimitsDraft
) -> PersonLimits:
    """Put a user into a tier, and give them limits of their own; it counts within five seconds.

    Raises:
        NotFound: there is no such user or tier.
    """
    require(actor, Permission.CHANGE_USER)
    user = await _need_user(session, user_id)
    if draft.tier_id is not None:
        await _need_tier(session, draft.tier_id)
    if (user.tier_id, user.limits) != (draft.tier_id, draft.own.given):
        user.tier_id, user.limits = draft.tier_id, draft.own.given
        user.updated_at = clock.now()
        session.add(user)
        await session.flush()
        await _record_limits(session, actor, user)
    return await _person_limits(session, user)


async def limits_of(
    session: Session, user_id: UUID, *, is_held: bool = False
) -> Limits:
    """Return what a user may use, for those who see to it; who is gone has no limits.

    With `is_held` nobody else who asks so gets an answer before the transaction ends.
    """
    found = await tier_repository.find_tier_of(session, user_id, is_held=is_held)
    if found is None:
        return Limits()
    tier, own = found
    return Limits(**own).instead_of(Limits.model_validate(tier))


async def _person_limits(session: Session, user: UserRow) -> PersonLimits:
    found = await tier_repository.find_tier_of(session, user.id)
    if found is None:
        raise NotFound("user", user.id)
    tier, own = await _view_of(session, found[0]), Limits(**found[1])
    limits = own.instead_of(Limits.model_validate(found[0]))
    return PersonLimits(tier_id=user.tier_id, own=own, tier=tier, limits=limits)


async def _need_user(session: Session, user_id: UUID) -> UserRow:
    user = await repository.find_user(session, user_id)
    if user is None:
        raise NotFound("user", user_id)
    return user


async def _need_tier(session: Session, tier_id: UUID) -> TierRow:
    row = await tier_repository.find_tier(session, tier_id)
    if row is None:
        raise NotFound("tier", tier_id)
    return row


async def _check_name(session: Session, name: str) -> None:
    if await tier_repository.find_tier_by_name(session, name) is not None:
        message = f"There is already a tier {name!r}. Use another name."
        raise Conflict(message)


async def _view_of(session: Session, row: TierRow) -> TierView:
    return _to_view(row, await tier_repository.count_people(session, row))


def _to_view(row: TierRow, people: int) -> TierView:
    return TierView.model_validate(row).model_copy(update={"people": people})


def _words(limits: Limits) -> str:
    return ", ".join(f"{name}: {most}" for name, most in limits.given.items())


async def _record_limits(session: Session, actor: Actor, user: UserRow) -> None:
    view = await _person_limits(session, user)
    audit.record(
        session,
        actor,
        Action.LIMITS_CHANGED,
        object_kind="user",
        object_id=user.id,
        email=user.email,
        tier=view.tier.name,
        own=_words(view.own),
    )


def _record(session: Session, actor: Actor, action: Action, row: TierRow) -> None:
    audit.record(
        session,
        actor,
        action,
        object_kind="tier",
        object_id=row.id,
        name=row.name,
        limits=_words(Limits.model_validate(row)),
    )
