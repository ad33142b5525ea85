"""A background event holds the state's lock for assignments only.

Inside `async with self` nothing is awaited but other states, because all events of the tab wait for that lock.
Outside it nothing is assigned to `self`, because that write is lost.
"""

import ast
from collections.abc import Iterator

from scripts.lint_states.source import (
    Finding,
    Function,
    Source,
    called_name,
    is_background,
    is_lock,
    methods,
)

CODE = "state-lock"
AWAITED = {"get_state", "get_var_value"}


def check(source: Source) -> Iterator[Finding]:
    """Yield awaits inside the lock and assignments outside it."""
    for state in source.states:
        for method in methods(state):
            yield from _awaits(source, method)
            if is_background(method):
                yield from _writes(source, method)


def _awaits(source: Source, method: Function) -> Iterator[Finding]:
    for node in ast.walk(method):
        if not isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
            continue
        if not any(is_lock(outer) for outer in source.ancestors(node)):
            continue
        is_state = (
            isinstance(node, ast.Await)
            and isinstance(node.value, ast.Call)
            and called_name(node.value) in AWAITED
        )
        if not is_state:
            message = f"{method.name} waits inside `async with self`. Move the work out of the lock."
            yield source.find(node, CODE, message)


def _writes(source: Source, method: Function) -> Iterator[Finding]:
    for node in ast.walk(method):
        if not isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            continue
        if _assigns_to_self(node) and not any(
            is_lock(outer) for outer in source.ancestors(node)
        ):
            message = f"{method.name} assigns to self outside `async with self`: the write is lost."
            yield source.find(node, CODE, message)


def _assigns_to_self(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(
        isinstance(part, ast.Attribute) and ast.unparse(part.value) == "self"
        for target in targets
        for part in ast.walk(target)
    )
