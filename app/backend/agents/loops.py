"""Breaks loops: a run that makes the same call again and again waits, and asks its person whether to go on."""

from collections.abc import Sequence
from typing import Any

from app.backend.core.questions import Choice, Question, QuestionKind
from app.backend.core.run_context import RunContext

GO_ON, STOP = "go_on", "stop"


def check_repeats(
    run: RunContext, calls: Sequence[dict[str, Any]], call: dict[str, Any]
) -> None:
    """Return when `call` may be made, the newest of `calls` or one of them; each time it has come often enough, ask.

    Raises:
        NeedsPerson: nobody has answered yet.
    """
    most = run.repeats_max
    if not most:
        return
    number = next(n for n, one in enumerate(calls, start=1) if one["id"] == call["id"])
    times = sum(_is_same(one, call) for one in calls[:number])
    if times % most == 0:
        run.ask(_question(call, times))


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (one["name"], one["args"]) == (other["name"], other["args"])


def _question(call: dict[str, Any], times: int) -> Question:
    return Question(
        id=f"{call['id']}:repeated",
        kind=QuestionKind.REPEATED,
        text=f"The agent is about to call {call['name']} with the same arguments for the {_nth(times)} time. It may be going round in circles. Let it go on?",
        evidence={
            "tool": call["name"],
            "arguments": call["args"] or {},
            "times": times,
        },
        choices=[
            Choice(value=GO_ON, label="Go on"),
            Choice(value=STOP, label="Stop the run", ends_run=True),
        ],
    )


def _nth(number: int) -> str:
    last = number % 10 if number % 100 not in {11, 12, 13} else 0
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"
