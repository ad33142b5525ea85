"""An administrator who reads what somebody has, where the installation allows it: as that person, and changing nothing."""

from datetime import timedelta
from uuid import UUID

from app.backend.core import acting, clock
from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.db import Database, Session
from app.backend.core.errors import Forbidden, Invalid
from app.backend.core.settings import Settings
from app.backend.identity import audit, repository
from app.backend.identity.actors import actor_of, need_user
from app.backend.identity.audit import Action
from app.backend.identity.schemas import Presented
from app.backend.identity.tables import SessionRow

LONGEST = timedelta(hours=1)
# Looking at keys and secrets is the first step to using them.
_NEVER = frozenset({Permission.VIEW_APIKEY, Permission.VIEW_SECRET})


async def begin(
    session: Session, actor: Actor, *, user_id: UUID, settings: Settings
) -> None:
    """Let the login of an administrator read what a user has, for an hour.

    Raises:
        Forbidden: the installation does not allow it, or the actor came without a login.
        NotFound: there is no such user, or they are suspended.
        Invalid: it is the actor.
    """
    if not settings.admins_read:
        message = "Nobody reads what others have here. Whoever runs this installation can allow it with ATELIER_ADMINS_READ."
        raise Forbidden(message)
    login = await _find_login(session, actor)
    if login is None:
        message = "Only who is signed in on a page can do this. Sign in, and try again."
        raise Forbidden(message)
    user = await need_user(session, user_id)
    if user.id == actor.user_id:
        raise Invalid.field("user_id", "This is you. Choose somebody else.")
    until = clock.now() + LONGEST
    login.reads_user_id, login.reads_until = user.id, until
    audit.record(
        session,
        actor,
        Action.READING_BEGAN,
        object_kind="user",
        object_id=user.id,
        until=until.isoformat(timespec="seconds"),
    )


async def end(session: Session, reader: Actor) -> Actor:
    """Let a login be its owner's again, and return them; what is none of a reader stays as it is."""
    if reader.reader_id is None:
        return reader
    actor = await _owner(session, reader, reader.reader_id)
    login = await _find_login(session, actor)
    if login is not None:
        login.reads_user_id = login.reads_until = None
        audit.record(
            session,
            actor,
            Action.READING_ENDED,
            object_kind="user",
            object_id=reader.user_id,
        )
    return actor


async def stop(db: Database, reader: Actor) -> None:
    """Let the login of somebody who reads be its owner's again."""
    with acting.no_longer_reading(), acting.as_gate():
        async with db.transaction() as session:
            await end(session, reader)


async def find_read(session: Session, login: SessionRow) -> Actor | None:
    """Return whom a login reads: as themselves, with what they may look at."""
    if login.reads_user_id is None or login.reads_until is None:
        return None
    user = await repository.find_user(session, login.reads_user_id)
    if user is None or not user.is_active or login.reads_until <= clock.now():
        return None
    actor = actor_of(user)
    looking = {one for one in actor.permissions if one.startswith("view_")} - _NEVER
    changes = {
        "permissions": frozenset(looking),
        "session_id": login.id,
        "reader_id": login.owner_id,
    }
    return actor.model_copy(update=changes)


def seen_by(presented: Presented, settings: Settings) -> Presented:
    """Return who the caller is to the rest of the code: whom they read, if they may still read anybody."""
    actor, reads = presented.actor, presented.reads
    if reads is None or not settings.admins_read or actor.role != Role.ADMIN:
        return presented
    if actor.must_add_factor:
        return presented
    # Reading is no use of the account.
    return presented.model_copy(update={"actor": reads, "used_at": clock.now()})


async def _owner(session: Session, reader: Actor, owner_id: UUID) -> Actor:
    owner = actor_of(await need_user(session, owner_id))
    return owner.model_copy(update={"session_id": reader.session_id})


async def _find_login(session: Session, actor: Actor) -> SessionRow | None:
    if actor.session_id is None:
        return None
    return await repository.find_session(session, actor, actor.session_id)
