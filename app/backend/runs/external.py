"""Runs of clients that bring ids of their own, for the conversation, for each run, and for what a run asks.

For such a client a run that asks a person has ended, and a further one carries the answer. Here it is one run, which
waits: the client's further run is the part of its log after the question.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from app.backend.agents import service as agents
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Conflict, NotFound
from app.backend.core.questions import Answer
from app.backend.core.run_events import RunStatus
from app.backend.core.texts import Text
from app.backend.runs import answers, conversation, effect_repository, repository
from app.backend.runs import service as runs
from app.backend.runs.answers import AnswerDraft
from app.backend.runs.line import check_room
from app.backend.runs.parts import RunParts
from app.backend.runs.schemas import RunDraft, RunView
from app.backend.runs.tables import RunRow
from app.backend.threads import service as threads
from app.backend.threads.schemas import MessageRole

TRIGGER = "api"
EARLIER_MAX = 20
OTHER_PLACE = "This run id was used for another conversation or agent before. Send a new one with each run."
WAITS = "The last run of this conversation waits for an answer. Send it in `resume`, with `interruptId` {id!r}: {text}"
ANSWERED_OTHERWISE = "Somebody has answered this in another way. Look at the conversation, then go on with a new run."


class ExternalDraft(BaseModel):
    """A run in the client's own words; `earlier` is what was said before, for a conversation that is new here."""

    model_config = ConfigDict(frozen=True)

    thread_id: Text
    run_id: Text
    input: dict[str, Any]
    earlier: list[tuple[MessageRole, Text]] = Field(
        default_factory=list[tuple[MessageRole, str]]
    )


@dataclass(frozen=True)
class Interrupt:
    """A question of a run under one id, as such clients know it."""

    run_id: UUID
    question_id: str

    @override
    def __str__(self) -> str:
        return f"{self.run_id}:{self.question_id}"

    @classmethod
    def parse(cls, text: str) -> "Interrupt":
        """Return what `str` wrote.

        Raises:
            NotFound: it is something else.
        """
        run_id, _, question_id = text.partition(":")
        try:
            return cls(UUID(run_id), question_id)
        except ValueError:
            raise NotFound("interrupt", text) from None


async def start_external(
    session: Session,
    actor: Actor,
    *,
    agent_id: UUID,
    draft: ExternalDraft,
    parts: RunParts,
) -> RunView:
    """Queue a run in the conversation that the client calls so; the same run id again gives the same run.

    Raises:
        NotFound, Invalid, TooMany: as for `start_run`.
        Conflict: the run id belongs to another conversation or agent, the conversation's last run waits for an answer,
            or as for `start_run`.
    """
    await agents.get_agent(session, actor, agent_id=agent_id)
    request_id = uuid5(actor.user_id, f"external run {draft.run_id}")
    twin = await repository.find_request(session, actor, request_id)
    if twin is None:
        # Before anything is locked, so that a flood is refused at little cost.
        await check_room(session, actor.user_id, parts.settings)
        # Of two first runs at the same moment, the second finds the conversation of the first.
        await repository.begin_start(session)
    thread = await threads.open_external(
        session,
        actor,
        agent_id=agent_id,
        external_id=draft.thread_id,
        title=str(draft.input.get("query", "")),
    )
    if twin is None:
        await _check_nothing_waits(session, actor, thread.id)
        await _add_earlier(session, actor, thread.id, draft)
    view = await runs.start_run(
        session,
        actor,
        agent_id=agent_id,
        draft=RunDraft(
            input=draft.input,
            thread_id=thread.id,
            trigger=TRIGGER,
            request_id=request_id,
        ),
        parts=parts,
    )
    if (view.agent_id, view.thread_id) != (agent_id, thread.id):
        raise Conflict(OTHER_PLACE)
    return view


async def find_interrupted(
    session: Session,
    actor: Actor,
    *,
    agent_id: UUID,
    thread_id: str,
    interrupt_id: str,
) -> tuple[RunView, Interrupt]:
    """Return the run of the conversation that the client calls so which asked, itself or by a run below it, and what.

    Raises:
        NotFound: the agent or the interrupt is not there, or not the actor's.
    """
    await agents.get_agent(session, actor, agent_id=agent_id)
    interrupt = Interrupt.parse(interrupt_id)
    row = await repository.find_run(session, actor, interrupt.run_id)
    if row is not None and row.parent_id is not None:
        row = await repository.find_run(session, actor, row.root_id)
    thread = await threads.find_external(session, actor, external_id=thread_id)
    if (
        row is None
        or thread is None
        or (row.agent_id, row.thread_id) != (agent_id, thread.id)
    ):
        raise NotFound("interrupt", interrupt)
    return RunView.model_validate(row), interrupt


async def answer_external(
    session: Session,
    actor: Actor,
    *,
    run: RunView,
    interrupt: Interrupt,
    answer: Answer | None,
    parts: RunParts,
) -> RunView:
    """Let what asked go on with an answer, or stop the run when there is none; the same again changes nothing.

    Raises:
        Conflict: it was answered in another way, or does not wait for this any more.
        Invalid: the question does not allow this answer.
    """
    known = await effect_repository.list_answers(session, interrupt.run_id)
    given = known.get(interrupt.question_id)
    if given is not None:
        if given != answer:
            raise Conflict(ANSWERED_OTHERWISE)
        return run
    if answer is None:
        if run.status not in (RunStatus.WAITING, RunStatus.STOPPED):
            raise Conflict(ANSWERED_OTHERWISE)
        return await runs.stop_run(session, actor, run_id=run.id, parts=parts)
    draft = AnswerDraft(**answer.model_dump(), question_id=interrupt.question_id)
    await answers.answer_run(
        session, actor, run_id=interrupt.run_id, draft=draft, parts=parts
    )
    return run


async def _check_nothing_waits(session: Session, actor: Actor, thread_id: UUID) -> None:
    for row in await conversation.list_active(session, actor, thread_id):
        view = await _find_asking(session, actor, row)
        if view is not None and view.question is not None:
            asked = Interrupt(view.id, view.question.id)
            raise Conflict(WAITS.format(id=str(asked), text=view.question.text))


async def _find_asking(
    session: Session, actor: Actor, row: RunRow | None
) -> RunView | None:
    """Return the run that asks: this one, or the one that it waits for."""
    while row is not None and row.status == RunStatus.WAITING:
        if row.waits_for_id is None:
            return RunView.model_validate(row)
        row = await repository.find_run(session, actor, row.waits_for_id)
    return None


async def _add_earlier(
    session: Session, actor: Actor, thread_id: UUID, draft: ExternalDraft
) -> None:
    """Let a conversation that is new here begin with what was said elsewhere."""
    if not draft.earlier or await threads.list_messages(
        session, actor, thread_id=thread_id, limit=1
    ):
        return
    for role, text in draft.earlier[-EARLIER_MAX:]:
        await threads.add_message(
            session,
            actor,
            thread_id=thread_id,
            run_id=None,
            role=role,
            content=text,
        )
