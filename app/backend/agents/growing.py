"""A list in a graph's state that only grows: each step stores what it adds, never the whole list.

With a plain reducer every step stores the list again, and a run of 200 steps costs the square of its length.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.channels.delta import (  # pyright: ignore[reportMissingTypeStubs]
    DeltaChannel,
)
from langgraph.checkpoint.base import CheckpointMetadata

# Whole lists in between would make the cost grow with the square again; a list is read back from its parts.
_WHOLE_EVERY = 1_000_000
_COUNTERS = "counters_since_delta_snapshot"


def append(before: list[Any], added: Sequence[list[Any]]) -> list[Any]:
    """Return the list with what the steps have added, in their order."""
    return [*before, *(item for items in added for item in items)]


def growing() -> DeltaChannel[list[Any]]:
    """Return the channel of such a list, which annotates its type in the state.

    Its items have no key `role` or `type`: LangGraph would take them for messages of its own and make them such.
    """
    return DeltaChannel(append, list, snapshot_frequency=_WHOLE_EVERY)


def growing_names(metadata: CheckpointMetadata) -> list[str]:
    """Return the names of the lists of which a checkpoint has only a part."""
    counters: Mapping[str, object] = metadata.get(_COUNTERS) or {}
    return list(counters)
