"""The AG-UI route of an agent: a run is started, or goes on with an answer, and is sent as it happens."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from app.backend.api import sse
from app.backend.api.agui_events import AguiWriter, Sent
from app.backend.api.agui_follow import follow_tree
from app.backend.api.agui_input import RunAgentInput
from app.backend.api.deps import PartsDep, may, need
from app.backend.api.parts import ApiParts
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.core.errors import Invalid
from app.backend.runs import external
from app.backend.runs.external import Interrupt
from app.backend.runs.schemas import RunView

router = APIRouter(tags=["runs"])


@router.post(
    "/api/v1/agents/{agent_id}/agui",
    response_class=StreamingResponse,
    responses={200: {"content": {sse.MEDIA_TYPE: {}}}},
)
async def run_agui(
    request: Request,
    actor: Annotated[Actor, may(Permission.ADD_RUN)],
    parts: PartsDep,
    agent_id: UUID,
    asked: RunAgentInput,
) -> StreamingResponse:
    """Run an agent for an AG-UI client: the last user message is the question, the answer is a stream of AG-UI events.

    The same `runId` again is the same run, sent from its beginning, or from after `Last-Event-ID`. Who goes away stops
    nothing. An answer to what a run asked comes in `resume`.
    """
    after = sse.last_event_id(request) or 0
    async with parts.db.transaction() as session:
        run, interrupt = await _begin(session, actor, agent_id, asked, parts)
    writer = AguiWriter(
        asked.thread_id,
        asked.run_id,
        answered=interrupt,
        notices=asked.notices(),
    )
    return sse.stream(request, _frames(parts, run.id, writer, after))


async def _begin(
    session: Session,
    actor: Actor,
    agent_id: UUID,
    asked: RunAgentInput,
    parts: ApiParts,
) -> tuple[RunView, Interrupt | None]:
    if not asked.resume:
        draft = asked.draft()
        run = await external.start_external(
            session, actor, agent_id=agent_id, draft=draft, parts=parts
        )
        return run, None
    need(actor, Permission.CHANGE_RUN)
    first, *more = asked.resume
    if more:
        message = "A run asks one thing at a time. Send one answer."
        raise Invalid.field("resume", message)
    run, interrupt = await external.find_interrupted(
        session,
        actor,
        agent_id=agent_id,
        thread_id=asked.thread_id,
        interrupt_id=first.interrupt_id,
    )
    await external.answer_external(
        session,
        actor,
        run=run,
        interrupt=interrupt,
        answer=first.answer(),
        parts=parts,
    )
    return run, interrupt


async def _frames(
    parts: ApiParts, run_id: UUID, writer: AguiWriter, after: int
) -> AsyncGenerator[str, None]:
    # From the first event on, whatever the client has: what is open depends on all before.
    place = 0
    async with aclosing(follow_tree(parts.feed, run_id)) as batches:
        async for batch in batches:
            frames: list[str] = []
            for event in batch:
                is_own = event.run_id == run_id
                place = event.seq if is_own else place
                sent = writer.write(event)
                # What a run below asks has the place of the event that started it, and no id: it is asked once more.
                if sent and (place > after or (place == after and not is_own)):
                    frames += _to_frames(sent, event.seq if is_own else None)
            if frames:
                yield "".join(frames)
            if writer.is_over:
                return


def _to_frames(sent: Sequence[Sent], seq: int | None) -> list[str]:
    frames = [f"data: {json.dumps(one, ensure_ascii=False)}\n\n" for one in sent]
    if seq is not None:
        # Only the last has the id, so that nobody goes on in the middle of what belongs together.
        frames[-1] = f"id: {seq}\n{frames[-1]}"
    return frames
