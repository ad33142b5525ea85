"""What the suspension of a user means for what they have running."""

from uuid import UUID

from sqlmodel import col, select

from app.backend.core import acting
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.identity import people
from app.backend.identity.schemas import PersonView
from app.backend.runs.parts import EndParts
from app.backend.runs.status import ACTIVE
from app.backend.runs.stopping import stop_row
from app.backend.runs.tables import RunRow


async def suspend(
    session: Session, actor: Actor, *, user_id: UUID, parts: EndParts
) -> PersonView:
    """Suspend a user and stop their runs: nothing goes on in the name of somebody who is out.

    Raises:
        LastAdmin: nobody else could manage the installation.
        NotFound: there is no such user.
    """
    view = await people.set_active(session, actor, user_id=user_id, is_active=False)
    query = select(RunRow).where(  # lint-skip: repo-scope
        col(RunRow.owner_id) == user_id, col(RunRow.status).in_(ACTIVE)
    )
    with acting.as_system():
        for row in (await session.exec(query.order_by(col(RunRow.id)))).all():
            await stop_row(session, row, parts)
        await session.flush()
    return view
