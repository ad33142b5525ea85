"""Wires an agent's graph: retrieve, then generate and cite, or quote, or refuse."""

from typing import Any, Literal

from langgraph.graph import (  # pyright: ignore[reportMissingTypeStubs] - it is typed, but a namespace package
    END,
    START,
    StateGraph,
)
from langgraph.graph.state import (  # pyright: ignore[reportMissingTypeStubs]
    CompiledStateGraph,
)

from app.backend.agents.checkpoints import Saver
from app.backend.agents.context import AgentParts, AgentState, Task
from app.backend.agents.nodes import AgentNodes
from app.backend.agents.schemas import AgentKind
from app.backend.core.run_context import RunContext

# Far above the three steps of a run: reaching it means that the graph is wrong, not that it is busy.
RECURSION_LIMIT = 10
Graph = CompiledStateGraph[AgentState, RunContext, AgentState, AgentState]


def build(parts: AgentParts, task: Task, checkpointer: Saver) -> Graph:
    """Return the graph for one task; nothing is called before it runs."""
    nodes = AgentNodes(parts, task)

    def choose(state: AgentState) -> Literal["refuse", "quote", "generate"]:
        if not state.get("is_relevant"):
            return "refuse"
        return "quote" if task.spec.kind == AgentKind.QUOTES else "generate"

    graph: StateGraph[AgentState, RunContext, Any, Any] = StateGraph(
        AgentState, context_schema=RunContext
    )
    graph.add_node("retrieve", nodes.retrieve)
    graph.add_node("generate", nodes.generate)
    graph.add_node("cite", nodes.cite)
    graph.add_node("quote", nodes.quote)
    graph.add_node("refuse", nodes.refuse)
    graph.add_edge(START, "retrieve")
    graph.add_conditional_edges("retrieve", choose)
    graph.add_edge("generate", "cite")
    for last in ("cite", "quote", "refuse"):
        graph.add_edge(last, END)
    return graph.compile(checkpointer=checkpointer)
