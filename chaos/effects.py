"""Agents whose tools change something, the person who answers for them, and the count of what they did."""

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from app.backend.agents.schemas import AgentKind
from app.backend.core.errors import Conflict
from app.backend.core.run_events import RunStatus
from app.backend.runs import answers
from app.backend.runs.answers import AnswerDraft
from app.backend.runs.schemas import RunView
from app.backend.tools import notes
from app.backend.tools.outside import read_outside
from chaos.ground import END_SECONDS, Ground

TOOLS = (
    "now",
    "ask_person",
    "notes_put",
    "notes_append",
    "outside_put",
    "outside_append",
)
JOURNAL = "journal"
CHANGES = {"fault_points": True}
QUESTIONS_MAX = 20


@dataclass
class Person:
    """Answers what a run asks: what happened outside as somebody who has looked, anything else with a colour."""

    ground: Ground
    asked: list[str] = field(default_factory=list[str])

    async def see_through(self, run_id: UUID) -> RunView:
        """Answer until the run has ended, and return it."""
        for _ in range(QUESTIONS_MAX):
            run = await self.ground.runs.wait(
                run_id,
                lambda run: run.status.is_terminal or run.status == RunStatus.WAITING,
                seconds=END_SECONDS,
            )
            if run.status.is_terminal:
                return run
            await self.answer(run)
        message = f"The run asked more than {QUESTIONS_MAX} questions."
        raise AssertionError(message)

    async def answer(self, run: RunView) -> bool:
        """Answer the question of a run; False when somebody else was faster, or there is none."""
        draft = self._draft(run)
        try:
            async with self.ground.services.db.transaction() as session:
                await answers.answer_run(
                    session,
                    self.ground.actor,
                    run_id=run.id,
                    draft=draft,
                    parts=self.ground.services,
                )
        except Conflict:
            return False
        self.asked.append(run.question.kind if run.question else "")
        return True

    def _draft(self, run: RunView) -> AnswerDraft:
        question = run.question
        if question is None:
            return AnswerDraft(text="Red")
        if question.kind != "effect_unknown":
            return AnswerDraft(question_id=question.id, choice="Red")
        has_happened = question.evidence["key"] in outside_of(self.ground, run.id)
        choice = "happened" if has_happened else "repeat"
        return AnswerDraft(question_id=question.id, choice=choice)


async def add_tool_agent(ground: Ground, model: str) -> UUID:
    """Add an agent that may use all tools."""
    row = await ground.rows.agent(
        ground.actor, kind=AgentKind.TOOLS, tools=list(TOOLS), model=f"scripted/{model}"
    )
    return row.id


def outside_of(ground: Ground, run_id: UUID) -> Counter[str]:
    """Return the keys of what a run did outside, and how often each was done."""
    lines = read_outside(ground.services.settings.data_dir)
    return Counter(line["key"] for line in lines if line["run"] == str(run_id))


def repeats_of(done: Counter[str]) -> int:
    """Return how often something was done once more."""
    return sum(done.values()) - len(done)


async def journal_lines(ground: Ground) -> int:
    """Return how many lines the owner's journal has, to which all runs add."""
    async with ground.services.db.read() as session:
        note = await notes.find_note(session, ground.actor, name=JOURNAL)
    return len(note.text.splitlines()) if note else 0
