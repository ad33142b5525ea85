"""What a run may ask a person, and what an answer may be."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.backend.core.errors import Invalid
from app.backend.core.texts import Text

ANSWER_LENGTH_MAX = 10_000


class QuestionKind(StrEnum):
    """Why a run asks.

    The agent wants to know something, nobody knows whether an effect happened, a budget is used up, or the same tool
    is called again and again.
    """

    PERSON = "ask_person"
    EFFECT = "effect_unknown"
    BUDGET = "budget_reached"
    REPEATED = "tool_repeated"


class Choice(BaseModel):
    """An answer that is allowed; with `takes_text` words may come with it, and `ends_run` stops the run."""

    model_config = ConfigDict(frozen=True)

    value: str
    label: str
    takes_text: bool = False
    text_label: str = ""
    ends_run: bool = False


class Question(BaseModel):
    """A question of a run; `id` is the same each time the same thing is asked, so that it is answered once.

    Without `choices` the answer is a text; with `allows_text` it may be one instead of a choice.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: QuestionKind
    text: str
    evidence: dict[str, Any] = Field(default_factory=dict[str, Any])
    choices: list[Choice] = Field(default_factory=list[Choice])
    allows_text: bool = False


class Answer(BaseModel):
    """What a person answered: one of the choices, words, or both."""

    model_config = ConfigDict(frozen=True)

    choice: Text = ""
    text: Text = Field(default="", max_length=ANSWER_LENGTH_MAX)


class NeedsPerson(Exception):
    """The run cannot go on before a person has answered; whoever runs the graph lets it wait."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.text)
        self.question = question


def check_answer(question: Question, answer: Answer) -> Choice | None:
    """Return the choice that was made; None for an answer in words alone.

    Raises:
        Invalid: the question does not allow this answer; the message says what it allows.
    """
    made = next((one for one in question.choices if one.value == answer.choice), None)
    if answer.choice and made is None:
        raise Invalid.field("choice", _allowed(question))
    if made is not None:
        if answer.text and not made.takes_text:
            message = f"{made.value!r} takes no text. Leave `text` out."
            raise Invalid.field("text", message)
        return made
    takes_words = question.allows_text or not question.choices
    if not takes_words or not answer.text.strip():
        name = "text" if takes_words else "choice"
        raise Invalid.field(name, _allowed(question))
    return None


def _allowed(question: Question) -> str:
    values = [repr(choice.value) for choice in question.choices]
    if not values:
        return "Write the answer in `text`."
    listed = (
        values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"
    )
    words = ", or write an answer of your own in `text`" if question.allows_text else ""
    return f"Answer with the `choice` {listed}{words}."
