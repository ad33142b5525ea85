"""What holds for every tool that ships, so that a model, a form and the ledger can rely on it."""

import inspect
import re
from pathlib import Path

import pytest

from app.backend.core.effects import Effect, EffectCall
from app.backend.core.errors import AppError
from app.backend.knowledge.tool import make_search_tool
from app.backend.runs.agent_tool import make_agent_tool
from app.backend.tools.base import AnyTool
from app.backend.tools.outside import make_outside_tools
from app.backend.tools.registry import ToolRegistry, find_builtin

_OWNERS = {"owner", "owner_id", "user", "user_id", "tenant", "email"}
LINES_MAX = 60
SHIPPED: list[AnyTool] = [
    *find_builtin(),
    make_search_tool(None),  # pyright: ignore[reportArgumentType] - nothing is searched
    make_agent_tool(None),  # pyright: ignore[reportArgumentType] - nobody is asked
]
TOOLS = [*SHIPPED, *make_outside_tools(Path())]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_tool_says_what_it_is_and_takes_no_owner(tool: AnyTool) -> None:
    schema = tool.schema

    assert re.fullmatch(r"[a-z][a-z_]{1,40}", tool.name)
    assert tool.title
    assert tool.description.endswith(".")
    assert tool.about.endswith(".")
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert not _OWNERS & set(schema["properties"])
    assert len(inspect.getsource(tool.run).splitlines()) <= LINES_MAX


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_tool_names_arguments_that_it_does_not_take(tool: AnyTool) -> None:
    with pytest.raises(AppError, match=f"The arguments of {tool.name} are wrong"):
        tool.read({"owner_id": "somebody else"})


def test_shipped_tools_are_of_every_kind() -> None:
    names = {tool.name: tool.effect for tool in SHIPPED}

    assert names == {
        "ask_person": Effect.PURE,
        "notes_append": Effect.UNSAFE,
        "notes_put": Effect.IDEMPOTENT,
        "notes_read": Effect.PURE,
        "now": Effect.PURE,
        "run_agent": Effect.IDEMPOTENT,
        "search_knowledge": Effect.PURE,
    }


def test_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match="two tools called"):
        ToolRegistry([SHIPPED[0], SHIPPED[0]])


def test_place_of_a_call_is_the_same_for_the_same_call_only() -> None:
    call = EffectCall(1, 1, "notes_put", {"name": "a", "text": "b"})

    assert (
        call.place
        == EffectCall(1, 1, "notes_put", dict(reversed(call.args.items()))).place
    )
    for other in (
        EffectCall(2, 1, "notes_put", call.args),
        EffectCall(1, 2, "notes_put", call.args),
        EffectCall(1, 1, "notes_append", call.args),
        EffectCall(1, 1, "notes_put", {"name": "a", "text": "c"}),
    ):
        assert other.place != call.place
