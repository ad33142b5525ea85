"""Errors are caught at the edges: HTTP, UI, runs, MCP, and the entry points in `app/cli` and `app/workers`.

Elsewhere only a named subclass is caught, by the caller that has an answer to it. `except Exception` may also stand
in a loop that must live, and then logs with `logger.exception`; a handler that ends in `raise` only cleans up.
"""

import ast
from collections.abc import Iterator

from scripts.lint_states.source import Finding, Source, called_name, last_name

CODE = "edge-catch"
EDGES = ("app/backend/api/", "app/backend/runs/runner.py", "app/state/edge.py")
ENTRY_POINTS = ("app/cli/", "app/workers/")
BROAD = {"AppError", "Exception", "BaseException"}


def check(source: Source) -> Iterator[Finding]:
    """Yield broad handlers elsewhere."""
    if source.path.startswith(EDGES + ENTRY_POINTS):
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler) or not _caught(node) & BROAD:
            continue
        if "AppError" not in _caught(node) and _keeps_a_loop_alive(source, node):
            continue
        if isinstance(node.body[-1], ast.Raise):
            continue
        message = "Catch a named error here; broad handlers belong to the edges."
        yield source.find(node, CODE, message)


def _caught(handler: ast.ExceptHandler) -> set[str]:
    if handler.type is None:
        return {"BaseException"}
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {last_name(kind) for kind in kinds}


def _keeps_a_loop_alive(source: Source, handler: ast.ExceptHandler) -> bool:
    is_logged = any(
        isinstance(node, ast.Call) and called_name(node) == "exception"
        for node in ast.walk(handler)
    )
    return is_logged and any(
        isinstance(node, ast.While | ast.For | ast.AsyncFor)
        for node in source.ancestors(handler)
    )
