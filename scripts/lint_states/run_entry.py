"""Only `runs/runner.py` runs a graph.

It keeps the log, the limits, stopping and the status in one place. Models are called inside nodes: a receiver that is
named a model is not meant here.
"""

import ast
from collections.abc import Iterator

from scripts.lint_states.source import Finding, Source, last_name

CODE = "run-entry"
RUNNER = "app/backend/runs/runner.py"
ENTRIES = ("astream", "ainvoke", "astream_events", "stream", "invoke")
MODELS = ("model", "llm", "chat")


def check(source: Source) -> Iterator[Finding]:
    """Yield graph calls elsewhere."""
    if source.path == RUNNER or not source.path.startswith("app/backend/"):
        return
    for call in source.calls(*ENTRIES):
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
        if receiver is None or not _is_graph(receiver, called=call.func):
            continue
        message = "Graphs run in runs/runner.py only."
        yield source.find(call, CODE, message)


def _is_graph(receiver: ast.expr, *, called: ast.expr) -> bool:
    name = last_name(receiver).lower()
    if any(word in name for word in MODELS) or ast.unparse(receiver) == "super()":
        return False
    # Plain `stream` and `invoke` are common names; only a graph's are meant.
    return last_name(called).startswith("a") or "graph" in name
