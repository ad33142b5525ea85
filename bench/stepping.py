"""A graph of many small steps, as the measurements of checkpoints run it."""

from collections.abc import Callable
from operator import add
from secrets import token_hex
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import (  # pyright: ignore[reportMissingTypeStubs]
    END,
    START,
    StateGraph,
)

from app.backend.agents.growing import growing

Item = dict[str, Any]


class Whole(TypedDict, total=False):
    """A list with a plain reducer: each step stores all of it."""

    number: int
    said: Annotated[list[Item], add]


class Growing(TypedDict, total=False):
    """A list that only grows: each step stores what it adds."""

    number: int
    said: Annotated[list[Item], growing()]


async def run_steps(
    kind: type[Any],
    saver: BaseCheckpointSaver[str] | None,
    thread: str,
    *,
    steps: int,
    size: int,
    after: Callable[[], None] = lambda: None,
) -> None:
    """Run `steps` steps, each of which adds an item of `size` bytes and is stored before the next."""

    async def work(state: Any) -> Any:
        after()
        number = state.get("number", 0) + 1
        return {
            "number": number,
            "said": [{"by": "model", "text": token_hex(size // 2)}],
        }

    graph = StateGraph(kind)
    graph.add_node("work", work)
    graph.add_edge(START, "work")
    graph.add_conditional_edges(
        "work", lambda values: END if values["number"] >= steps else "work"
    )
    await graph.compile(checkpointer=saver).ainvoke(
        {"number": 0},
        {"configurable": {"thread_id": thread}, "recursion_limit": steps + 10},
        durability="sync" if saver is not None else None,
    )
