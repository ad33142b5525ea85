"""A state stays small: at most 250 lines, 15 vars and 12 handlers.

A big state is saved, loaded and compared as a whole at each event, and nobody can read it.
Split it into stores, one noun each.
"""

import ast
from collections.abc import Iterator

from scripts.lint_states.source import Finding, Source, is_event, methods

CODE = "state-size"
LINES_MAX, VARS_MAX, HANDLERS_MAX = 250, 15, 12


def check(source: Source) -> Iterator[Finding]:
    """Yield the states that are too big."""
    for state in source.states:
        counts = {
            "lines": ((state.end_lineno or 0) - state.lineno + 1, LINES_MAX),
            "vars": (
                sum(isinstance(node, ast.AnnAssign) for node in state.body),
                VARS_MAX,
            ),
            "handlers": (sum(map(is_event, methods(state))), HANDLERS_MAX),
        }
        for what, (found, most) in counts.items():
            if found > most:
                message = f"{state.name} has {found} {what}, at most {most} are allowed. Split it."
                yield source.find(state, CODE, message)
