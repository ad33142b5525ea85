"""Tool selection: which of its agent's tools a model sees."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, ClassVar

from langchain_core.messages import AIMessageChunk
from pydantic import Field
from typing_extensions import override

from app.backend.core.texts import Text
from app.backend.middleware.base import Ask, Form, Middleware, ModelRequest, TypeInfo
from app.backend.middleware.checking import count


class ToolsForm(Form):
    """Which tools."""

    only: list[Text] = Field(
        default=[],
        max_length=200,
        title="Only these",
        description="Names of tools, one a line; empty: all.",
    )
    without: list[Text] = Field(
        default=[],
        max_length=200,
        title="Not these",
        description="Names of tools, one a line.",
    )


class ToolsMiddleware(Middleware):
    """Hides tools from a model, such as those that a small one cannot use well."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="tool_selection",
        label="Tool selection",
        about="Hides tools of an agent from this model.",
        form=ToolsForm,
        priority=70,
    )

    @override
    async def __call__(
        self, request: ModelRequest, ask: Ask
    ) -> AsyncIterator[AIMessageChunk]:
        told = self.began(request)
        tools = request.tools or []
        shown = [tool for tool in tools if self._is_shown(_name(tool))]
        if len(shown) < len(tools):
            hidden = [_name(tool) for tool in tools if tool not in shown]
            told.tell(f"Hid {count(len(hidden), 'tool')}: {', '.join(hidden)}.")
            request = replace(request, tools=shown or None)
        async for chunk in ask(request):
            yield chunk

    def _is_shown(self, name: str) -> bool:
        form = self.settings
        return (not form.only or name in form.only) and name not in form.without


def _name(tool: dict[str, Any]) -> str:
    return str(tool.get("function", {}).get("name", ""))
