"""What every rule works on: a parsed file, and helpers to ask it questions."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from typing_extensions import override

SKIP = re.compile(r"# lint-skip: ([a-z-]+)")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Finding:
    """A place that breaks a rule."""

    path: str
    line: int
    last: int
    code: str
    message: str

    @override
    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.code}: {self.message}"


class Source:
    """One file of the product; `path` is relative to the root of the repository."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()
        self.tree = ast.parse(text)

    @classmethod
    def read(cls, path: Path, root: Path) -> "Source":
        """Parse the file at `path`."""
        return cls(path.relative_to(root).as_posix(), path.read_text())

    def find(self, node: ast.AST, code: str, message: str) -> Finding:
        """Return a finding at `node`."""
        line = getattr(node, "lineno", 1)
        return Finding(self.path, line, self._end(node, line), code, message)

    def is_skipped(self, finding: Finding) -> bool:
        """Tell whether the statement, or the comment above it, has `# lint-skip: <code>`."""
        above = self.lines[finding.line - 2] if finding.line > 1 else ""
        lines = self.lines[finding.line - 1 : finding.last]
        if above.strip().startswith("#"):
            lines.append(above)
        return any(finding.code in SKIP.findall(line) for line in lines)

    def _end(self, node: ast.AST, line: int) -> int:
        # The formatter moves comments to the end of a statement; of a block only its first line is meant.
        for part in (node, *self.ancestors(node)):
            if isinstance(part, ast.stmt):
                return line if hasattr(part, "body") else part.end_lineno or line
        return line

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node that holds each node."""
        return {
            child: parent
            for parent in ast.walk(self.tree)
            for child in ast.iter_child_nodes(parent)
        }

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what holds `node`, from the inside out."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """Yield the calls of a function or method with one of `names`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and called_name(node) in names:
                yield node

    @cached_property
    def states(self) -> list[ast.ClassDef]:
        """The classes whose base is a Reflex state."""
        return [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ClassDef)
            and any(ast.unparse(base).endswith("State") for base in node.bases)
        ]


def called_name(call: ast.Call) -> str:
    """Return the last part of the name that is called."""
    return last_name(call.func)


def last_name(node: ast.expr) -> str:
    """Return `c` of `a.b.c`, or nothing for what has no name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def methods(state: ast.ClassDef) -> list[Function]:
    """Return the functions of a class."""
    return [node for node in state.body if isinstance(node, Function)]


def decorator_names(function: Function) -> list[str]:
    """Return the decorators from top to bottom, as `rx.event` or `requires`."""
    return [
        ast.unparse(node.func if isinstance(node, ast.Call) else node)
        for node in function.decorator_list
    ]


def is_event(function: Function) -> bool:
    """Tell whether a browser may call the method."""
    return "rx.event" in decorator_names(function)


def is_background(function: Function) -> bool:
    """Tell whether the method is a background event."""
    return any(
        isinstance(node, ast.Call)
        and ast.unparse(node.func) == "rx.event"
        and any(
            keyword.arg == "background" and ast.unparse(keyword.value) == "True"
            for keyword in node.keywords
        )
        for node in function.decorator_list
    )


def is_lock(node: ast.AST) -> bool:
    """Tell whether the node is `async with self`."""
    return isinstance(node, ast.AsyncWith) and any(
        ast.unparse(item.context_expr) == "self" for item in node.items
    )
