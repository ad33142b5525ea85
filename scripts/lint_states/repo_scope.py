"""A query of owned rows starts from `visible_to(actor, Table)`, or from `owned_by(actor, Table)`.

Isolation has these doors. A function that selects, changes or deletes rows of an owned table calls one; a query
on nobody's behalf (a sweeper, the lookup of a session by its token) says so with the escape and a reason.
"""

import ast
from collections.abc import Iterator

from scripts.lint_states.source import Finding, Function, Source, last_name

CODE = "repo-scope"
DOORS = {"visible_to", "owned_by", "is_visible"}
ALLOWED = {"app/backend/core/rows.py"}
QUERIES = ("select", "update", "delete", "get")


def check(source: Source, owned: frozenset[str]) -> Iterator[Finding]:
    """Yield queries of the tables in `owned` that do not start there."""
    if source.path in ALLOWED:
        return
    for call in source.calls(*QUERIES):
        if not call.args or not _reads_rows(call):
            continue
        tables = {
            node.id
            for argument in call.args
            for node in ast.walk(argument)
            if isinstance(node, ast.Name) and node.id in owned
        }
        if tables and not _is_scoped(source, call):
            message = f"This query of {', '.join(sorted(tables))} does not start from visible_to(actor, ...) or owned_by(actor, ...)."
            yield source.find(call, CODE, message)


def owned_tables(sources: list[Source]) -> frozenset[str]:
    """Return the names of all tables whose rows have an owner."""
    return frozenset(
        node.name
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        and node.name.endswith("Row")
        and _has_owner(node)
    )


def _has_owner(table: ast.ClassDef) -> bool:
    return any(last_name(base) == "OwnedRow" for base in table.bases) or any(
        isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "owner_id"
        for node in table.body
    )


def _reads_rows(call: ast.Call) -> bool:
    # `session.get(Table, id)` counts, `mapping.get(key)` does not.
    if not isinstance(call.func, ast.Attribute):
        return call.func.id != "get" if isinstance(call.func, ast.Name) else False
    return call.func.attr == "get" and last_name(call.func.value) == "session"


def _is_scoped(source: Source, call: ast.Call) -> bool:
    functions = [node for node in source.ancestors(call) if isinstance(node, Function)]
    return any(
        isinstance(node, ast.Call) and last_name(node.func) in DOORS
        for function in functions
        for node in ast.walk(function)
    )
