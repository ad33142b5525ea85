"""Wires the graph of all agents: retrieve, then generate and cite, or quote, or refuse."""

from collections.abc import Awaitable, Callable
from copy import copy
from functools import cache
from typing import Any

from langgraph.graph import (  # pyright: ignore[reportMissingTypeStubs] - it is typed, but a namespace package
    END,
    START,
    StateGraph,
)
from langgraph.graph.state import (  # pyright: ignore[reportMissingTypeStubs]
    CompiledStateGraph,
)
from langgraph.runtime import Runtime

from app.backend.agents.checkpoints import Saver
from app.backend.agents.context import AgentState, Next
from app.backend.agents.nodes import AgentNodes

# Far above the three steps of a run: reaching it means that the graph is wrong, not that it is busy.
RECURSION_LIMIT = 10
Graph = CompiledStateGraph[AgentState, AgentNodes, AgentState, AgentState]
Step = Callable[[AgentNodes, AgentState], Awaitable[AgentState]]


def build(checkpointer: Saver) -> Graph:
    """Return the graph; a run gives it its nodes as the context."""
    graph = copy(_compiled())
    graph.checkpointer = checkpointer
    return graph


@cache
def _compiled() -> Graph:
    # LangGraph reads the byte code of every node, a quarter of a run's work; once is enough for a process.
    graph: StateGraph[AgentState, AgentNodes, Any, Any] = StateGraph(
        AgentState, context_schema=AgentNodes
    )
    graph.add_node("retrieve", _node(AgentNodes.retrieve))
    graph.add_node("generate", _node(AgentNodes.generate))
    graph.add_node("cite", _node(AgentNodes.cite))
    graph.add_node("quote", _node(AgentNodes.quote))
    graph.add_node("refuse", _node(AgentNodes.refuse))
    graph.add_edge(START, "retrieve")
    graph.add_conditional_edges("retrieve", _next)
    graph.add_edge("generate", "cite")
    for last in ("cite", "quote", "refuse"):
        graph.add_edge(last, END)
    return graph.compile()


def _node(step: Step) -> Any:
    async def node(state: AgentState, runtime: Runtime[AgentNodes]) -> AgentState:
        return await step(runtime.context, state)

    return node


def _next(state: AgentState) -> Next:
    return state.get("next", "refuse")
