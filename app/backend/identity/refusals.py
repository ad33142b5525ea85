"""What was refused, in the audit too: at most once a minute for each person and thing, so that nobody can fill it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from app.backend.core import acting, clock
from app.backend.core.actor import Actor
from app.backend.core.db import Database, Session
from app.backend.core.errors import TooMany
from app.backend.core.rows import visible_to
from app.backend.identity import audit, repository, tries
from app.backend.identity.actors import actor_of
from app.backend.identity.audit import Action
from app.backend.identity.tables import AuditRow

logger = structlog.get_logger(__name__)

AGAIN_AFTER = timedelta(minutes=1)


async def note_access(db: Database, actor: Actor, *, what: str) -> None:
    """Write down that `actor` was refused `what`, one of the few things that there are to do.

    Of who only reads it is known already that they do, and they write nothing.
    """
    if actor.reader_id is not None:
        return
    await _note(db, actor, Action.ACCESS_REFUSED, what)


async def note_pause(db: Database, email: str) -> None:
    """Write down that nobody may try passwords for a user for a while; of an address without a user only the log tells."""
    async with db.read() as session:
        user = await repository.find_user_by_email(session, email.strip().lower())
    if user is not None:
        await _note(db, actor_of(user), Action.LOGIN_PAUSED, "")


@asynccontextmanager
async def counted(db: Database, redis: Redis, email: str) -> AsyncGenerator[None, None]:
    """Count a try of a password as `tries.counted` does, and write a pause down; open no transaction before.

    Raises:
        TooMany: the pause is not over.
    """
    try:
        async with tries.counted(redis, email):
            yield
    except TooMany:
        await note_pause(db, email)
        raise


async def _note(db: Database, actor: Actor, action: Action, what: str) -> None:
    try:
        with acting.as_user(actor.user_id):
            async with db.read() as session:
                if await _is_noted(session, actor, action, what):
                    return
            async with db.transaction() as session:
                audit.record(session, actor, action, result=audit.REFUSED, what=what)
    except SQLAlchemyError as error:
        # The refusal stands, and the log has it.
        logger.warning("refusal_not_noted", action=action, error=str(error))


async def _is_noted(session: Session, actor: Actor, action: Action, what: str) -> bool:
    query = visible_to(actor, AuditRow).where(
        col(AuditRow.action) == action,
        col(AuditRow.created_at) >= clock.now() - AGAIN_AFTER,
    )
    rows = (await session.exec(query)).all()
    return any(row.detail.get("what") == what for row in rows)
