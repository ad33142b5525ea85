"""Who else may see, run or change what somebody owns; its owner decides."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.core.errors import Forbidden, Invalid, NotFound
from app.backend.core.rows import OwnedRow
from app.backend.identity import audit, repository, sharing_repository
from app.backend.identity.actors import require
from app.backend.identity.audit import Action
from app.backend.identity.sharing_schemas import Level, ShareDraft, ShareView
from app.backend.identity.tables import GroupRow, ShareRow, UserRow

_VERBS = {Level.RUN: "run", Level.EDIT: "change"}


@dataclass(frozen=True)
class Shareable:
    """A kind of object that its owner can share up to one of `levels`.

    `need_own` refuses an actor who may not share it: because there is none for them, or it is not theirs.
    """

    kind: str
    table: type[ShareRow]
    levels: tuple[Level, ...]
    permission: Permission
    need_own: Callable[[Session, Actor, UUID], Awaitable[object]]


async def levels_of(
    session: Session,
    actor: Actor,
    shares: type[ShareRow],
    rows: Sequence[OwnedRow],
) -> dict[UUID, Level]:
    """Return what `actor` may do with each of the rows, which they may see."""
    found = {
        row.id: Level.OWN if row.owner_id == actor.user_id else Level.VIEW
        for row in rows
    }
    others = [row_id for row_id, level in found.items() if level is not Level.OWN]
    if others:
        granted = await sharing_repository.list_levels(session, actor, shares, others)
        for object_id, level in granted:
            if Level(level).covers(found[object_id]):
                found[object_id] = Level(level)
    return found


def need_level(has: Level, wanted: Level, kind: str) -> None:
    """Refuse an actor who sees an object, but may not do this with it.

    Raises:
        Forbidden: it is so.
    """
    if has.covers(wanted):
        return
    message = f"Only the owner of this {kind} may do this."
    if wanted in _VERBS:
        message = f"You may see this {kind}, but not {_VERBS[wanted]} it. Ask its owner to share more."
    raise Forbidden(message)


async def names_of(session: Session, rows: Sequence[OwnedRow]) -> dict[UUID, str]:
    """Return how the owners of the rows are called: by name, or else by address."""
    owners = {row.owner_id for row in rows}
    if not owners:
        return {}
    found = await sharing_repository.list_names(session, owners)
    return {user_id: name or email for user_id, name, email in found}


async def list_shares(
    session: Session, actor: Actor, what: Shareable, *, object_id: UUID
) -> list[ShareView]:
    """Return with whom `actor` shares an object.

    Raises:
        NotFound: it is not there, or neither the actor's nor shared with them.
        Forbidden: it is not the actor's.
    """
    await _need_own(session, actor, what, object_id)
    found = await sharing_repository.list_shares(session, what.table, object_id)
    return [_to_view(row, user, group) for row, user, group in found]


async def share(
    session: Session,
    actor: Actor,
    what: Shareable,
    *,
    object_id: UUID,
    draft: ShareDraft,
) -> ShareView:
    """Share what `actor` owns with a person or a group; sharing again changes the level.

    Raises:
        NotFound: the object or the group is not there.
        Forbidden: it is not the actor's.
        Invalid: nobody has that address, it is the actor's own, or the level is none of this kind.
    """
    await _need_own(session, actor, what, object_id)
    if draft.level not in what.levels:
        message = f"{draft.level.value!r} is not possible for a {what.kind}. Choose from {', '.join(what.levels)}."
        raise Invalid.field("level", message)
    user, group = await _need_audience(session, actor, draft)
    audience = (user.id if user else None, group.id if group else None)
    known = await sharing_repository.list_shares(session, what.table, object_id)
    row = next(
        (row for row, *_ in known if (row.user_id, row.group_id) == audience), None
    )
    if row is None:
        row = what.table(
            owner_id=actor.user_id,
            object_id=object_id,
            user_id=audience[0],
            group_id=audience[1],
            level=draft.level,
        )
    row.level = draft.level
    session.add(row)
    await session.flush()
    view = _to_view(row, user, group)
    _record(session, actor, Action.SHARED, what.kind, object_id, view)
    return view


async def unshare(
    session: Session,
    actor: Actor,
    what: Shareable,
    *,
    object_id: UUID,
    share_id: UUID,
) -> None:
    """Take a share of what `actor` owns back; runs that were started go on, and stay with who started them.

    Raises:
        NotFound: the object is not there, or has no such share.
        Forbidden: it is not the actor's.
    """
    await _need_own(session, actor, what, object_id)
    known = await sharing_repository.list_shares(session, what.table, object_id)
    found = next((one for one in known if one[0].id == share_id), None)
    if found is None:
        raise NotFound("share", share_id)
    await session.delete(found[0])
    await session.flush()
    _record(session, actor, Action.UNSHARED, what.kind, object_id, _to_view(*found))


async def _need_own(
    session: Session, actor: Actor, what: Shareable, object_id: UUID
) -> None:
    require(actor, what.permission)
    await what.need_own(session, actor, object_id)


async def _need_audience(
    session: Session, actor: Actor, draft: ShareDraft
) -> tuple[UserRow | None, GroupRow | None]:
    if draft.group_id is not None:
        group = await sharing_repository.find_group(session, draft.group_id)
        if group is None:
            raise NotFound("group", draft.group_id)
        return None, group
    user = await repository.find_user_by_email(session, draft.email or "")
    if user is None or not user.is_active:
        message = f"Nobody here has the address {draft.email!r}. Ask an administrator to invite them."
        raise Invalid.field("email", message)
    if user.id == actor.user_id:
        raise Invalid.field("email", "This is your own address; it is yours already.")
    return user, None


def _record(
    session: Session,
    actor: Actor,
    action: Action,
    kind: str,
    object_id: UUID,
    view: ShareView,
) -> None:
    detail = {"audience": view.name, "level": view.level.value}
    audit.record(
        session, actor, action, object_kind=kind, object_id=object_id, **detail
    )


def _to_view(row: ShareRow, user: UserRow | None, group: GroupRow | None) -> ShareView:
    return ShareView(
        id=row.id,
        name=user.email if user else group.name if group else "",
        user_id=row.user_id,
        group_id=row.group_id,
        level=Level(row.level),
    )
