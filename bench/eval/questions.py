"""The questions, where their answers stand, and how an answer is judged."""

import json
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from app.backend.core.run_events import Passage

FILE = Path(__file__).parent / "questions.json"


class Question(BaseModel):
    """A question; without a document nothing answers it, and the right answer is to say so."""

    model_config = ConfigDict(frozen=True)

    id: str
    split: str
    question: str
    document: str | None
    evidence: str
    fact: str

    @property
    def is_answerable(self) -> bool:
        """Whether the documents answer it."""
        return self.document is not None

    def is_found(self, passages: list[Passage]) -> bool:
        """Tell whether the passage with the answer is among `passages`."""
        return any(
            item.document_name == self.document
            and _plain(self.evidence) in _plain(item.text)
            for item in passages
        )

    def is_answered(self, answer: str) -> bool:
        """Tell whether the answer has the fact."""
        return re.search(self.fact, answer, re.IGNORECASE) is not None


def load_questions() -> list[Question]:
    """Return all questions."""
    return TypeAdapter(list[Question]).validate_python(json.loads(FILE.read_text()))


def _plain(text: str) -> str:
    return re.sub(r"[\s|]+", " ", text).strip()
