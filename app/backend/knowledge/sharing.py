"""Collections as something that their owner shares."""

from uuid import UUID

from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.identity.sharing import Shareable
from app.backend.identity.sharing_schemas import Level
from app.backend.knowledge.service import need_collection
from app.backend.knowledge.tables import CollectionRow, CollectionShareRow


async def _need_own(
    session: Session, actor: Actor, collection_id: UUID
) -> CollectionRow:
    return await need_collection(session, actor, collection_id, Level.OWN)


COLLECTIONS = Shareable(
    kind="collection",
    table=CollectionShareRow,
    levels=(Level.VIEW, Level.EDIT),
    permission=Permission.CHANGE_KNOWLEDGE,
    need_own=_need_own,
)
