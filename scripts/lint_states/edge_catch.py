"""Errors are caught at the four edges: HTTP, UI, runs and MCP.

Elsewhere only a named subclass is caught, by the caller that has an answer to it. `except Exception` may also stand
in a loop that must live; it then logs with `logger.exception`.
"""

import ast
from collections.abc import Iterator

from scripts.lint_states.source import Finding, Source, called_name, last_name

CODE = "edge-catch"
EDGES = {
    "app/backend/api/errors.py",
    "app/backend/api/mcp_server.py",
    "app/backend/runs/runner.py",
    "app/state/edge.py",
}
BROAD = {"AppError", "Exception", "BaseException"}


def check(source: Source) -> Iterator[Finding]:
    """Yield broad handlers elsewhere."""
    if source.path in EDGES:
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler) or not _caught(node) & BROAD:
            continue
        if "AppError" not in _caught(node) and _keeps_a_loop_alive(source, node):
            continue
        message = "Catch a named error here; broad handlers belong to the four edges."
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
