"""Runs that wait for a person: how they begin to wait, and how an answer makes them go on."""

from typing import Any
from uuid import UUID

from pydantic import Field

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Conflict, NotFound
from app.backend.core.questions import Answer, Choice, Question, check_answer
from app.backend.core.run_events import RunResumed, RunStatus, RunStopped, RunWaiting
from app.backend.core.stored_events import RunEvent
from app.backend.core.texts import Text
from app.backend.runs import redaction, repository
from app.backend.runs.ending import finish_run, hold_run, let_wait
from app.backend.runs.line import job_of
from app.backend.runs.live import publish_after_commit
from app.backend.runs.parts import EndParts
from app.backend.runs.schemas import RunView
from app.backend.runs.status import change_status
from app.backend.runs.tables import RunAnswerRow, RunRow

ANSWERED = "A person answered."


class AnswerDraft(Answer):
    """An answer; `question_id` says to which question, so that none is answered by mistake."""

    question_id: Text = Field(
        default="",
        description="Of the question that is answered; empty: whatever it is.",
    )


async def answer_run(
    session: Session,
    actor: Actor,
    *,
    run_id: UUID,
    draft: AnswerDraft,
    parts: EndParts,
) -> RunView:
    """Answer the question of a waiting run, which is queued to go on with the answer, or stopped if that is the answer.

    Raises:
        NotFound: the run is not there, or not the actor's.
        Conflict: it waits for no answer, or for another one.
        Invalid: the question does not allow this answer.
    """
    row = await _need_run(session, actor, run_id)
    question = _need_question(row, draft)
    choice = check_answer(question, draft)
    answer = Answer(choice=draft.choice, text=draft.text)
    session.add(
        RunAnswerRow(
            owner_id=row.owner_id,
            run_id=row.id,
            question_id=question.id,
            answer=answer.model_dump(mode="json"),
        )
    )
    if choice is not None and choice.ends_run:
        changed = await finish_run(
            session, row, RunStopped(), parts=parts, epoch=row.epoch
        )
    else:
        changed = await _queue(session, row, answer, choice, parts)
    if changed is None:  # the lock rules it out
        raise Conflict(_not_waiting(row))
    publish_after_commit(session, parts.redis, run_id, changed[1])
    return RunView.model_validate(changed[0])


async def wait_for_person(
    session: Session,
    row: RunRow,
    waiting: RunWaiting,
    *,
    parts: EndParts,
    text: str,
    **values: Any,
) -> list[RunEvent] | None:
    """Let a running run wait for the answer, as `let_wait` does."""
    # What pages show of it is as the log has it: without secrets.
    details = redaction.installed().redact(waiting).details
    changed = await let_wait(
        session,
        row,
        waiting,
        parts=parts,
        text=text,
        question=details.model_dump(mode="json") if details else None,
        **values,
    )
    return changed[1] if changed else None


async def _need_run(session: Session, actor: Actor, run_id: UUID) -> RunRow:
    row = await repository.find_run(session, actor, run_id)
    if row is None:
        raise NotFound("run", run_id)
    # Locked: of two answers at the same moment, the second finds the run queued.
    return await hold_run(session, row) or row


async def _queue(
    session: Session,
    row: RunRow,
    answer: Answer,
    choice: Choice | None,
    parts: EndParts,
) -> tuple[RunRow, list[RunEvent]] | None:
    resumed = RunResumed(answer=answer, label=choice.label if choice else answer.text)
    changed = await change_status(
        session,
        row.id,
        RunStatus.QUEUED,
        epoch=row.epoch,
        events=[resumed],
        values={
            "dispatch": row.dispatch + 1,
            "question": None,
            "interruption": ANSWERED,
        },
    )
    if changed is not None:
        await parts.outbox.add(session, job_of(changed[0]))
    return changed


def _need_question(row: RunRow, draft: AnswerDraft) -> Question:
    if row.status != RunStatus.WAITING or row.question is None:
        raise Conflict(_not_waiting(row))
    question = Question.model_validate(row.question)
    if draft.question_id and draft.question_id != question.id:
        message = f"That question was answered already. The run asks another one now: {question.text}"
        raise Conflict(message)
    return question


def _not_waiting(row: RunRow) -> str:
    if row.waits_for_id is not None:
        return "This run waits for no answer: it waits for another run, which it started. Look at that one."
    return f"This run waits for no answer: it is {row.status}. Somebody may have answered before you."
