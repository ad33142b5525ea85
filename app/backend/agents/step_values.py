"""Reads the state of a graph after a step as plain JSON, and tells two states apart."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic_core import to_jsonable_python

from app.backend.agents.checkpoints import Saver
from app.backend.agents.growing import append, growing_names
from app.backend.agents.places import place_in
from app.backend.core.run_context import SavedStep

# Channels that steer the graph; they say nothing about the work.
_STEERING = ("branch:", "__")


class Difference(NamedTuple):
    """Paths of values, such as `passages.0.text`, by what became of them."""

    added: list[str]
    changed: list[str]
    removed: list[str]


async def read_values(saver: Saver, step: SavedStep) -> dict[str, Any] | None:
    """Return the values of the state after `step`; None when they are not kept any more."""
    place = place_in(step.saver_thread, step.checkpoint_id)
    found = await saver.aget_tuple(place)
    if found is None:
        return None
    values = {
        name: _whole(value)
        for name, value in found.checkpoint["channel_values"].items()
        if not name.startswith(_STEERING)
    }
    names = [name for name in growing_names(found.metadata) if name not in values]
    if names:
        history = await saver.aget_delta_channel_history(config=place, channels=names)
        for name, part in history.items():
            parts = [value for _, _, value in part["writes"]]
            values[name] = append(_whole(part.get("seed", [])), parts)
    return to_jsonable_python(values, fallback=repr)


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """Return what is different between two states, value by value."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return Difference(
        added=[path for path in new if path not in old],
        changed=[path for path in new if path in old and old[path] != new[path]],
        removed=[path for path in old if path not in new],
    )


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    match value:
        case {**items} if items:
            for name, item in items.items():
                yield from _leaves(item, f"{path}.{name}" if path else str(name))
        case [*items] if items:
            for number, item in enumerate(items):
                yield from _leaves(item, f"{path}.{number}" if path else str(number))
        case _:
            yield path, value


def _whole(value: Any) -> Any:
    # How LangGraph stores a list that only grows, now and then.
    return value.value if type(value).__name__ == "_DeltaSnapshot" else value
