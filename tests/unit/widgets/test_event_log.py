"""The log's rules in the browser: overlap, holes, pages, filters, search, and the views of the same events."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from app.backend.agents import builder
from app.backend.agents.schemas import AgentKind

HERE = Path(__file__).parent
BUN = Path(sys.executable).parent / "bun"
GRAPHS = HERE.parents[2] / "app/components/widgets/view_graph_model.js"


@pytest.mark.parametrize("name", ["event_log.test.js", "run_views.test.js"])
def test_widget_keeps_its_rules(name: str) -> None:
    done = subprocess.run(
        [BUN, "test", HERE / name], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_graph_that_is_drawn_is_the_graph_that_runs() -> None:
    script = f"import {{ GRAPHS }} from {json.dumps(str(GRAPHS))}; console.log(JSON.stringify(GRAPHS));"
    done = subprocess.run(
        [BUN, "-e", script], capture_output=True, text=True, check=True
    )
    graphs = {
        "answer": builder.build(InMemorySaver(), AgentKind.ANSWER),
        "tools": builder.build(InMemorySaver(), AgentKind.TOOLS),
    }

    assert {
        kind: (set(one["nodes"]), {tuple(edge) for edge in one["edges"]})
        for kind, one in json.loads(done.stdout).items()
    } == {
        kind: (set(graph.nodes), {(edge.source, edge.target) for edge in graph.edges})
        for kind, graph in ((kind, one.get_graph()) for kind, one in graphs.items())
    }
