"""A var is a scalar or a view: never a row, a set, a client, a session, a lock or an event.

A state is saved to Redis and sent to a browser; rows leak columns, and handles do not survive it.
"""

import ast
import re
from collections.abc import Iterator

from scripts.lint_states.source import Finding, Source

CODE = "state-type"
FORBIDDEN = re.compile(
    r"\b(?:\w+Row|(?:frozen)?set|\w*Client|\w*Session|\w*Lock|(?:asyncio\.)?Event|Task)\b"
)


def check(source: Source) -> Iterator[Finding]:
    """Yield vars of a forbidden type."""
    for state in source.states:
        for node in state.body:
            if not isinstance(node, ast.AnnAssign):
                continue
            annotation = ast.unparse(node.annotation)
            if found := FORBIDDEN.search(annotation):
                message = f"{ast.unparse(node.target)} holds {found.group()!r}. Keep a frozen view or a scalar."
                yield source.find(node, CODE, message)
