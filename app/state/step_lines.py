"""The steps of a run and the state after one of them, flat, as browsers take them."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from app.backend.runs.steps import StepDetail, StepView
from app.state.lines import iso

LINES_MAX = 400
TEXT_LENGTH_MAX = 2_000
Mark = Literal["", "added", "changed"]


class StepLine(BaseModel):
    """A step in the list."""

    model_config = ConfigDict(frozen=True)

    step: int
    name: str
    next: str
    at: str
    can_fork: bool


class ValueLine(BaseModel):
    """A name or a value of the state; `indent` is how deep it lies, in rem."""

    model_config = ConfigDict(frozen=True)

    path: str
    name: str
    text: str
    indent: str
    mark: Mark


def step_line(view: StepView) -> StepLine:
    """Return a step for the list; the first one is the input."""
    return StepLine(
        step=view.step,
        name=view.node or "input",
        next=view.next_node,
        at=iso(view.at),
        can_fork=view.can_fork,
    )


def value_lines(detail: StepDetail) -> list[ValueLine]:
    """Return the state after a step as the lines of a tree; what is beyond the first lines is left out."""
    marks: dict[str, Mark] = dict.fromkeys(detail.added, "added")
    marks |= dict.fromkeys(detail.changed, "changed")
    lines: list[ValueLine] = []
    for line in _walk(detail.values, marks):
        if len(lines) == LINES_MAX:
            break
        lines.append(line)
    return lines


def _walk(
    value: Any, marks: Mapping[str, Mark], path: str = "", depth: int = 0
) -> Iterator[ValueLine]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items:
        below = f"{path}.{name}" if path else str(name)
        is_branch = isinstance(item, dict | list) and bool(item)
        yield ValueLine(
            path=below,
            name=str(name),
            text="" if is_branch else _text(item),
            indent=f"{depth * 1.25}rem",
            mark=marks.get(below, ""),
        )
        if is_branch:
            yield from _walk(item, marks, below, depth + 1)


def _text(value: Any) -> str:
    match value:
        case str() if value:
            text = value
        case None:
            text = "null"
        case bool():
            text = str(value).lower()
        case "":
            text = '""'
        case _:
            text = str(value)
    return text if len(text) <= TEXT_LENGTH_MAX else f"{text[:TEXT_LENGTH_MAX]}…"
