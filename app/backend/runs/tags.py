"""Tags: words of its owner's own on a run, set when it starts or later."""

from collections.abc import Sequence
from uuid import UUID

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import NotFound
from app.backend.runs import list_repository, repository
from app.backend.runs.schemas import RunView


async def set_tags(
    session: Session, actor: Actor, *, run_id: UUID, tags: Sequence[str]
) -> RunView:
    """Give a run exactly these tags, which the caller has checked."""
    row = await repository.find_run(session, actor, run_id)
    if row is None:
        raise NotFound("run", run_id)
    row.tags = list(tags)
    session.add(row)
    await session.flush()
    await list_repository.replace_tags(session, actor, row)
    return RunView.model_validate(row)
