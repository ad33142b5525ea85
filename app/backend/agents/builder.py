"""Wires the graphs of all agents: retrieve, then generate and cite, or quote, or refuse; or think, act, and cite."""

from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

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
from app.backend.agents.context import AgentParts, AgentState, Next, Task, ToolState
from app.backend.agents.nodes import AgentNodes
from app.backend.agents.saved_steps import LinkedSaver
from app.backend.agents.schemas import AgentKind
from app.backend.agents.tool_nodes import ToolNodes
from app.backend.core.run_context import RunContext

# Far above the three steps of a run: reaching it means that the graph is wrong, not that it is busy.
RECURSION_LIMIT = 10
# The run's budget ends an agent with tools before, in words that a person understands.
NO_LIMIT = 1_000_000
Graph = CompiledStateGraph[Any, Any, Any, Any]
N = TypeVar("N", AgentNodes, ToolNodes)
S = TypeVar("S")


@dataclass(frozen=True)
class Plan:
    """How a graph runs: the nodes of this run, and when its checkpoints are stored."""

    nodes: AgentNodes | ToolNodes
    recursion_limit: int
    durability: Literal["async", "sync"]


def build(checkpointer: Saver, kind: AgentKind = AgentKind.ANSWER) -> Graph:
    """Return the graph of a kind of agent; a run gives it its nodes as the context."""
    graph = copy(_compile_tools() if kind == AgentKind.TOOLS else _compile_answer())
    graph.checkpointer = checkpointer
    return graph


def plan(parts: AgentParts, task: Task, run: RunContext, saver: LinkedSaver) -> Plan:
    """Return how the agent's graph runs.

    With tools, a step waits until the checkpoint before it is stored: the ledger of effects relies on it.
    """
    if task.spec.kind != AgentKind.TOOLS:
        return Plan(AgentNodes(parts, task, run), RECURSION_LIMIT, "async")
    return Plan(ToolNodes(parts, task, run, saver.keeps_up), NO_LIMIT, "sync")


@cache
def _compile_answer() -> Graph:
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


@cache
def _compile_tools() -> Graph:
    graph: StateGraph[ToolState, ToolNodes, Any, Any] = StateGraph(
        ToolState, context_schema=ToolNodes
    )
    graph.add_node("think", _node(ToolNodes.think))
    graph.add_node("act", _node(ToolNodes.act))
    graph.add_node("cite", _node(ToolNodes.cite))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", _after_thought)
    graph.add_conditional_edges("act", _after_act)
    graph.add_edge("cite", END)
    return graph.compile()


def _node(step: Callable[[N, S], Awaitable[S]]) -> Any:
    async def node(state: S, runtime: Runtime[N]) -> S:
        return await step(runtime.context, state)

    return node


def _after_thought(state: ToolState) -> Literal["act", "cite"]:
    return "act" if state.get("pending") else "cite"


def _after_act(state: ToolState) -> Literal["act", "think"]:
    return "act" if state.get("pending") else "think"


def _next(state: AgentState) -> Next:
    return state.get("next", "refuse")
