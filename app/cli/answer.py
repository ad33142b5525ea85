"""`atelier run answer`: what a waiting run asks, and the answer to it."""

from typing import Annotated

import typer

from app.backend.core.errors import Conflict
from app.backend.core.questions import Question
from app.backend.runs import answers
from app.backend.runs import service as runs
from app.backend.runs.answers import AnswerDraft
from app.cli import output
from app.cli.edge import command
from app.cli.lookup import need_uuid
from app.cli.options import AsOption, JsonOption
from app.cli.running import open_parts


@command
async def answer(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id.")],
    choice: Annotated[
        str, typer.Option(help="One of the answers that are offered.")
    ] = "",
    text: Annotated[str, typer.Option(help="An answer in words.")] = "",
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Answer the question of a waiting run; without an answer, show the question."""
    async with open_parts(as_email) as (parts, actor):
        run_id = need_uuid(run, "run")
        async with parts.db.read() as session:
            view = await runs.get_run(session, actor, run_id=run_id)
        if not (choice or text):
            _show(view.question, is_json=is_json)
            return
        asked = view.question.id if view.question else ""
        async with parts.db.transaction() as session:
            view = await answers.answer_run(
                session,
                actor,
                run_id=run_id,
                draft=AnswerDraft(choice=choice, text=text, question_id=asked),
                parts=parts,
            )
    if is_json:
        output.print_json(view)
    else:
        output.say(f"{view.id} is {view.status}.")


def _show(question: Question | None, *, is_json: bool) -> None:
    if question is None:
        message = "This run asks nothing."
        raise Conflict(message)
    if is_json:
        output.print_json(question)
        return
    output.say(question.text)
    output.print_fields(question.evidence)
    for choice in question.choices:
        output.say(f'--choice "{choice.value}"  {choice.label}')
    if question.allows_text or not question.choices:
        output.say('--text "…"  an answer of your own')
