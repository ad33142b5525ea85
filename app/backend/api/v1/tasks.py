"""The route of tasks: a run in the words of clients that follow a background job."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from app.backend.api.deps import ReadDep, may
from app.backend.api.task_messages import TaskView, TaskWriter
from app.backend.core.actor import Actor, Permission
from app.backend.runs import service as runs
from app.backend.runs.schemas import EventFilter

router = APIRouter(tags=["runs"])

PAGE_EVENTS = 1000


@router.get("/api/v1/tasks/{task_id}")
async def show_task(
    actor: Annotated[Actor, may(Permission.VIEW_RUN)], session: ReadDep, task_id: UUID
) -> TaskView:
    """Return a run as a task: what it has done, the answer as far as it is written, and what it asks.

    The id of a task is that of its run. `/ws/task/{task_id}/` tells the same as it happens, and takes the answer.
    """
    run = await runs.get_run(session, actor, run_id=task_id)
    writer = TaskWriter(run)
    after: int | None = 0
    while after is not None:
        wanted = EventFilter(after=after, limit=PAGE_EVENTS)
        page = await runs.list_events(session, actor, run_id=run.id, filter=wanted)
        for event in page.items:
            writer.take(event)
        after = page.next_seq
    return writer.view()
