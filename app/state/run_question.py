"""Answering what a waiting run asks."""

from typing import Any

import reflex as rx

from app.backend.core.actor import Permission
from app.backend.runs import answers
from app.backend.runs.answers import AnswerDraft
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.run_feed import RunFeedState, note_answer


class RunQuestionState(FormMixin, rx.State):
    """The form of the question that the run in the store waits for."""

    @rx.event
    @edge.requires(Permission.CHANGE_RUN)
    async def answer(self, form: dict[str, Any]) -> Any:
        """Send the answer; the first one counts."""
        self._clear_errors()
        run_id = edge.parse_id(str(form.get("run_id", "")), "run")
        draft = AnswerDraft(
            choice=str(form.get("choice") or ""),
            text=str(form.get("text") or "").strip(),
            question_id=str(form.get("question_id") or ""),
        )
        parts = edge.services()
        async with edge.work(self) as (session, actor):
            view = await answers.answer_run(
                session,
                actor,
                run_id=run_id,
                draft=draft,
                parts=parts,
            )
        note_answer(await self.get_state(RunFeedState), view)
        return notices.done("Your answer is sent.")
