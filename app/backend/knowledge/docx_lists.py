"""The lists of a Word document: what stands before an item."""

from collections import defaultdict
from typing import Any

from app.backend.knowledge.docx_styles import Style, W, value_of

_DEPTH_MAX = 8
_INDENT = "  "
_BULLET = "- "
_PLAIN = frozenset({"bullet", "none", ""})


class Lists:
    """Counts the items of numbered lists."""

    def __init__(self, root: Any | None) -> None:
        self._formats: dict[str, dict[int, str]] = {}
        self._counts: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        if root is None:
            return
        shapes = {
            value_of(shape, "abstractNumId"): _formats_of(shape)
            for shape in root.findall(f"{W}abstractNum")
        }
        for row in root.findall(f"{W}num"):
            shape = value_of(row.find(f"{W}abstractNumId"))
            self._formats[value_of(row, "numId")] = shapes.get(shape, {})

    def mark(self, style: Style) -> str:
        """Return what stands before an item; nothing before what is none."""
        if not style.number:
            return ""
        depth = min(style.depth, _DEPTH_MAX)
        indent = _INDENT * depth
        shape = self._formats.get(style.number, {}).get(depth, "")
        if shape in _PLAIN:
            return f"{indent}{_BULLET}"
        counts = self._counts[style.number]
        counts[depth] += 1
        for deeper in range(depth + 1, _DEPTH_MAX + 1):
            counts[deeper] = 0
        return f"{indent}{counts[depth]}. "


def _formats_of(shape: Any) -> dict[int, str]:
    found: dict[int, str] = {}
    for level in shape.findall(f"{W}lvl"):
        depth = value_of(level, "ilvl")
        if depth.isdigit():
            found[int(depth)] = value_of(level.find(f"{W}numFmt"))
    return found
