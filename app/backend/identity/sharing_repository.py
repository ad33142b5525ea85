"""Queries of shares and groups; `shares` is the table of one kind of object."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, exists, union_all
from sqlalchemy.sql.elements import SQLCoreOperations
from sqlmodel import col, func, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.identity.tables import GroupMemberRow, GroupRow, ShareRow, UserRow


def is_shared(
    actor: Actor, shares: type[ShareRow], object_id: SQLCoreOperations[UUID]
) -> ColumnElement[bool]:
    """Return the condition that `object_id`, a column of the query, is shared with `actor`."""
    of_object = exists().where(col(shares.object_id) == object_id)
    # Two questions, so that each has an index that answers it.
    return or_(
        of_object.where(col(shares.user_id) == actor.user_id),
        of_object.where(col(shares.group_id).in_(_groups_of(actor))),
    )


def shared_ids(actor: Actor, shares: type[ShareRow]) -> CompoundSelect[Any]:
    """Return the query for the ids of what others share with `actor`."""
    # With one `or` SQLite would read all shares that there are.
    return union_all(
        select(shares.object_id).where(col(shares.user_id) == actor.user_id),
        select(shares.object_id).where(col(shares.group_id).in_(_groups_of(actor))),
    )


async def list_levels(
    session: Session,
    actor: Actor,
    shares: type[ShareRow],
    object_ids: Collection[UUID],
) -> Sequence[tuple[UUID, str]]:
    """Return the level of each share that `actor` has in one of the objects."""
    of_objects = select(shares.object_id, shares.level).where(
        col(shares.object_id).in_(object_ids)
    )
    # With one `or` SQLite would read all shares that each of the objects has.
    found = union_all(
        of_objects.where(col(shares.user_id) == actor.user_id),
        of_objects.where(col(shares.group_id).in_(_groups_of(actor))),
    ).subquery()
    query = select(found.c.object_id, found.c.level)
    return (await session.exec(query)).all()


async def list_shares(
    session: Session, shares: type[ShareRow], object_id: UUID
) -> Sequence[tuple[ShareRow, UserRow | None, GroupRow | None]]:
    """Return with whom an object is shared, in the order of sharing."""
    query = (
        select(shares, UserRow, GroupRow)
        .join(UserRow, col(UserRow.id) == col(shares.user_id), isouter=True)
        .join(GroupRow, col(GroupRow.id) == col(shares.group_id), isouter=True)
        .where(col(shares.object_id) == object_id)
        .order_by(col(shares.id))
    )
    return (await session.exec(query)).all()


async def list_names(
    session: Session, user_ids: Collection[UUID]
) -> Sequence[tuple[UUID, str, str]]:
    """Return id, name and address of users."""
    query = select(UserRow.id, UserRow.display_name, UserRow.email).where(
        col(UserRow.id).in_(user_ids)
    )
    return (await session.exec(query)).all()


async def find_group(session: Session, group_id: UUID) -> GroupRow | None:
    """Return a group."""
    return await session.get(GroupRow, group_id)


async def find_group_by_name(session: Session, name: str) -> GroupRow | None:
    """Return the group that is called so."""
    query = select(GroupRow).where(col(GroupRow.name) == name)
    return (await session.exec(query)).first()


async def list_groups(
    session: Session, *, after: UUID | None, limit: int
) -> Sequence[tuple[GroupRow, int]]:
    """Return groups with how many people are in each, newest first."""
    members = (
        select(func.count())
        .select_from(GroupMemberRow)
        .where(col(GroupMemberRow.group_id) == col(GroupRow.id))
        .scalar_subquery()
    )
    query = select(GroupRow, members).order_by(col(GroupRow.id).desc()).limit(limit)
    if after is not None:
        query = query.where(col(GroupRow.id) < after)
    return (await session.exec(query)).all()


async def list_members(session: Session, group_id: UUID) -> Sequence[UserRow]:
    """Return the people in a group, by address."""
    query = (
        select(UserRow)
        .join(GroupMemberRow, col(GroupMemberRow.user_id) == col(UserRow.id))
        .where(col(GroupMemberRow.group_id) == group_id)
        .order_by(col(UserRow.email))
    )
    return (await session.exec(query)).all()


async def find_member(
    session: Session, group_id: UUID, user_id: UUID
) -> GroupMemberRow | None:
    """Return the row that puts a user into a group."""
    return await session.get(GroupMemberRow, (group_id, user_id))


def _groups_of(actor: Actor) -> SelectOfScalar[UUID]:
    return select(GroupMemberRow.group_id).where(
        col(GroupMemberRow.user_id) == actor.user_id
    )
