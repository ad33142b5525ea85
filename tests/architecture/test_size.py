"""Files and functions stay small enough to be read at once."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.repository import ROOT, name_of, python_files

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 40
# A tree of elements is one expression, and is read as a picture.
TREE_LINES_MAX = 90
TREES = ("app/components/", "app/pages/")
# Reflex draws almost everything: a widget is a file of React with a wrapper in Python.
WIDGETS = ROOT / "app" / "components" / "widgets"
WIDGETS_MAX = 7
WIDGET_LINES_MAX = 200
# What was too long when this rule came; entries may only shrink and go.
BASELINE: dict[str, int] = {}


def _too_long(path: Path) -> Iterator[tuple[str, int]]:
    text = path.read_text()
    lines = len(text.splitlines())
    if lines > FILE_LINES_MAX:
        yield name_of(path), lines
    most = TREE_LINES_MAX if name_of(path).startswith(TREES) else FUNCTION_LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            # The signature is a declaration: a command's options may be many.
            length = (node.end_lineno or 0) - node.body[0].lineno + 1
            if length > most:
                yield f"{name_of(path)}:{node.name}", length


def test_files_and_functions_are_short() -> None:
    found = {
        name: lines
        for path in python_files("app", "bench", "chaos", "scripts", "tests")
        for name, lines in _too_long(path)
    }

    grown = {
        name: lines for name, lines in found.items() if lines > BASELINE.get(name, 0)
    }
    assert not grown, f"Too long, split them: {grown}"
    assert BASELINE.keys() <= found.keys(), "Remove from BASELINE what is short now."


def test_widgets_are_few_and_short() -> None:
    wrappers = "\n".join(path.read_text() for path in WIDGETS.glob("*.py"))
    names = set(re.findall(r'asset\("(\w+\.jsx)", shared=True\)\.importable', wrappers))

    assert names
    assert len(names) <= WIDGETS_MAX
    lines = {name: len((WIDGETS / name).read_text().splitlines()) for name in names}
    assert {name: n for name, n in lines.items() if n > WIDGET_LINES_MAX} == {}
