"""Asks the person who the agent works for, and waits for the answer without holding anything."""

from pydantic import Field

from app.backend.core.effects import Effect
from app.backend.core.questions import Choice, Question, QuestionKind
from app.backend.core.texts import Text
from app.backend.tools.base import AnyTool, Params, Tool, ToolContext, ToolResult


class AskParams(Params):
    """What to ask."""

    question: Text = Field(
        min_length=1, max_length=2_000, description="The question, in full sentences."
    )
    choices: list[Text] = Field(
        default_factory=list[str],
        max_length=10,
        description="Answers to choose from. Leave it out when any answer will do.",
    )


async def ask(params: AskParams, context: ToolContext) -> ToolResult:
    """Return the person's answer.

    Raises:
        NeedsPerson: nobody has answered yet.
    """
    choices = list(dict.fromkeys(filter(None, params.choices)))
    answer = context.run.ask(
        Question(
            id=f"{context.call_id}:ask",
            kind=QuestionKind.PERSON,
            text=params.question,
            choices=[Choice(value=choice, label=choice) for choice in choices],
            allows_text=True,
        )
    )
    return ToolResult(content=answer.text or answer.choice)


def get_functions() -> list[AnyTool]:
    """Return the tools of this module."""
    return [
        Tool(
            name="ask_person",
            title="Ask a person",
            description="Asks the person you work for, and gives back the answer. Use it when you need a decision or a fact that only a person has.",
            about="Lets the agent ask you and wait for your answer.",
            effect=Effect.PURE,
            params=AskParams,
            run=ask,
        )
    ]
