"""With whom collections are shared: their owner decides."""

from uuid import UUID

from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.identity import sharing
from app.backend.identity.actors import require
from app.backend.identity.sharing_schemas import Level, ShareDraft, ShareView
from app.backend.knowledge.service import need_collection
from app.backend.knowledge.tables import CollectionShareRow

KIND = "collection"
LEVELS = (Level.VIEW, Level.EDIT)


async def list_shares(
    session: Session, actor: Actor, *, collection_id: UUID
) -> list[ShareView]:
    """Return with whom the actor shares a collection.

    Raises:
        NotFound: it is not there, or neither the actor's nor shared with them.
        Forbidden: it is not the actor's.
    """
    require(actor, Permission.CHANGE_KNOWLEDGE)
    await need_collection(session, actor, collection_id, Level.OWN)
    return await sharing.list_shares(session, CollectionShareRow, collection_id)


async def share_collection(
    session: Session, actor: Actor, *, collection_id: UUID, draft: ShareDraft
) -> ShareView:
    """Let a person or a group search and read a collection, or change it too.

    Raises:
        NotFound: the collection or the group is not there.
        Forbidden: it is not the actor's.
        Invalid: nobody has that address, or the level is none of a collection.
    """
    require(actor, Permission.CHANGE_KNOWLEDGE)
    await need_collection(session, actor, collection_id, Level.OWN)
    return await sharing.share(
        session,
        actor,
        CollectionShareRow,
        kind=KIND,
        object_id=collection_id,
        draft=draft,
        levels=LEVELS,
    )


async def unshare_collection(
    session: Session, actor: Actor, *, collection_id: UUID, share_id: UUID
) -> None:
    """Take a share back; agents of others that search the collection skip it from now on.

    Raises:
        NotFound: the collection or the share is not there.
        Forbidden: it is not the actor's.
    """
    require(actor, Permission.CHANGE_KNOWLEDGE)
    await need_collection(session, actor, collection_id, Level.OWN)
    await sharing.unshare(
        session,
        actor,
        CollectionShareRow,
        kind=KIND,
        object_id=collection_id,
        share_id=share_id,
    )
