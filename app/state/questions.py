"""What a page shows of a run's question: flat, and as browsers take it."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.backend.core.questions import Question

_LABELS = {"tool": "Tool", "arguments": "With", "attempt": "In attempt", "key": "Key"}
_WHEN = "begun_at"


class ChoiceLine(BaseModel):
    """An answer to choose; with `takes_text` words may come along."""

    model_config = ConfigDict(frozen=True)

    value: str
    label: str
    takes_text: bool = False


class FactLine(BaseModel):
    """A piece of evidence."""

    model_config = ConfigDict(frozen=True)

    name: str
    value: str


class QuestionDetail(BaseModel):
    """A question; empty while there is none."""

    model_config = ConfigDict(frozen=True)

    id: str = ""
    kind: str = ""
    text: str = ""
    begun_at: str = ""
    evidence: list[FactLine] = Field(default_factory=list[FactLine])
    choices: list[ChoiceLine] = Field(default_factory=list[ChoiceLine])
    text_label: str = ""
    allows_text: bool = False


def question_detail(question: Question | None) -> QuestionDetail:
    """Return a question for its card."""
    if question is None:
        return QuestionDetail()
    labels = [choice.text_label for choice in question.choices if choice.takes_text]
    return QuestionDetail(
        id=question.id,
        kind=question.kind,
        text=question.text,
        begun_at=str(question.evidence.get(_WHEN, "")),
        evidence=[
            FactLine(name=_LABELS.get(name, name), value=_words(value))
            for name, value in question.evidence.items()
            if name != _WHEN
        ],
        choices=[
            ChoiceLine(
                value=choice.value, label=choice.label, takes_text=choice.takes_text
            )
            for choice in question.choices
        ],
        text_label=next(iter(labels), ""),
        allows_text=question.allows_text or not question.choices,
    )


def _words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
