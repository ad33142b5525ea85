"""The styles of a Word document, as far as they say what a paragraph is."""

import re
from dataclasses import dataclass
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"heading ([1-6])", re.IGNORECASE)
_LEVELS_MAX = 6
_BASES_MAX = 20
_OFF = frozenset({"0", "false", "off", "none"})


@dataclass(frozen=True)
class Style:
    """What a paragraph is: a heading of a level, counted from 1, or an item of the list `number`."""

    level: int = 0
    number: str = ""
    depth: int = 0


def value_of(element: Any, name: str = "val") -> str:
    """Return an attribute; empty when it, or the element, is not there."""
    return "" if element is None else element.get(f"{W}{name}", "")


class Styles:
    """Knows what the paragraphs of a document are."""

    def __init__(self, root: Any | None) -> None:
        found = () if root is None else root.findall(f"{W}style")
        self._rows = {value_of(row, "styleId"): row for row in found}
        self._known: dict[str, Style] = {"": Style()}
        self._hidden = {
            key for key, row in self._rows.items() if _is_vanished(row.find(f"{W}rPr"))
        }

    def of(self, paragraph: Any) -> Style:
        """Return what a paragraph is, by itself or by its style."""
        properties = paragraph.find(f"{W}pPr")
        if properties is None:
            return Style()
        style = self._style(value_of(properties.find(f"{W}pStyle")))
        return _changed(style, properties)

    def is_hidden(self, run: Any) -> bool:
        """Tell whether a run is text that Word does not show."""
        if run.tag != f"{W}r":
            return False
        properties = run.find(f"{W}rPr")
        if properties is None:
            return False
        style = value_of(properties.find(f"{W}rStyle"))
        return style in self._hidden or _is_vanished(properties)

    def _style(self, key: str) -> Style:
        if key not in self._known:
            self._known[key] = self._read(key)
        return self._known[key]

    def _read(self, key: str) -> Style:
        # From the one that it is based on last, up to the style itself.
        line: list[Any] = []
        while key in self._rows and len(line) < _BASES_MAX:
            line.append(self._rows[key])
            key = value_of(line[-1].find(f"{W}basedOn"))
        style = Style()
        for row in reversed(line):
            name = value_of(row.find(f"{W}name"))
            heading = _HEADING.fullmatch(name)
            if heading or name.lower() == "title":
                style = Style(level=int(heading[1]) if heading else 1)
            properties = row.find(f"{W}pPr")
            if properties is not None:
                style = _changed(style, properties)
        return style


def _changed(style: Style, properties: Any) -> Style:
    level, number, depth = style.level, style.number, style.depth
    outline = value_of(properties.find(f"{W}outlineLvl"))
    if outline.isdigit():
        # 9 is the level of plain text.
        level = int(outline) + 1 if int(outline) < _LEVELS_MAX else 0
    listed = properties.find(f"{W}numPr")
    if listed is not None:
        number = value_of(listed.find(f"{W}numId")) or number
        wanted = value_of(listed.find(f"{W}ilvl"))
        depth = int(wanted) if wanted.isdigit() else depth
    return Style(level=level, number="" if number == "0" else number, depth=depth)


def _is_vanished(properties: Any | None) -> bool:
    found = None if properties is None else properties.find(f"{W}vanish")
    return found is not None and value_of(found) not in _OFF
