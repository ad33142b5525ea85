"""The tools of this installation: built-in ones, and those that other domains bring."""

import importlib
import pkgutil
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from typing_extensions import override

from app.backend.tools import builtin
from app.backend.tools.base import AnyTool
from app.backend.tools.schemas import ToolView


class ToolRegistry(Collection[str]):
    """Tools by name, and the names; built-in ones come through the same door as all others."""

    def __init__(self, tools: Iterable[AnyTool] = ()) -> None:
        self._tools: dict[str, AnyTool] = {}
        for tool in tools:
            self.register(tool)

    def register(self, tool: AnyTool) -> None:
        """Add a tool; a name is taken once."""
        if tool.name in self._tools:
            message = f"There are two tools called {tool.name!r}."
            raise ValueError(message)
        self._tools[tool.name] = tool

    def pick(self, names: Iterable[str]) -> list[AnyTool]:
        """Return the tools of these names; one that is gone is left out."""
        return [self._tools[name] for name in names if name in self._tools]

    def list(self) -> "list[ToolView]":
        """Return what there is to choose from."""
        return [
            ToolView(
                name=tool.name,
                title=tool.title,
                about=tool.about,
                effect=tool.effect,
                schema=tool.schema,
            )
            for tool in self._tools.values()
        ]

    @override
    def __contains__(self, name: object) -> bool:
        return name in self._tools

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._tools)

    @override
    def __len__(self) -> int:
        return len(self._tools)


def find_builtin() -> Iterator[AnyTool]:
    """Return the tools of all modules in `builtin`: each has a `get_functions`, so a new module is a new tool."""
    for found in pkgutil.iter_modules(builtin.__path__, f"{builtin.__name__}."):
        module: Any = importlib.import_module(found.name)
        yield from module.get_functions()
