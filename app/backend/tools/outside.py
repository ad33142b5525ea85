"""A file that stands for a system outside, for fault tests: what reaches it can neither be taken back nor asked about.

Only with `ATELIER_FAULT_POINTS` do agents have these tools. Each line of `<data>/outside.jsonl` is an effect.
"""

import json
from pathlib import Path

from app.backend.core.effects import Effect
from app.backend.core.texts import Name, Text
from app.backend.tools.base import AnyTool, Params, Tool, ToolContext, ToolResult

FILE = "outside.jsonl"


class PutParams(Params):
    """A thing outside."""

    name: Name
    text: Text = ""


class AppendParams(Params):
    """A line outside."""

    name: Name
    line: Text = ""


def make_outside_tools(data_dir: Path) -> list[AnyTool]:
    """Return an idempotent tool, which knows a key that it has seen, and one that does not."""
    path = data_dir / FILE

    def add(context: ToolContext, value: str) -> ToolResult:
        line = {"run": str(context.run.run_id), "key": context.key, "value": value}
        with path.open("a") as file:
            file.write(f"{json.dumps(line)}\n")
        return ToolResult(content="It is done.")

    async def put(params: PutParams, context: ToolContext) -> ToolResult:
        if context.key in {line["key"] for line in read_outside(data_dir)}:
            return ToolResult(content="It was done before.")
        return add(context, params.name)

    async def append(params: AppendParams, context: ToolContext) -> ToolResult:
        return add(context, params.name)

    about = "For fault tests: writes to a file."
    put_tool = Tool(
        "outside_put", "Outside put", about, about, Effect.IDEMPOTENT, PutParams, put
    )
    append_tool = Tool(
        "outside_append",
        "Outside append",
        about,
        about,
        Effect.UNSAFE,
        AppendParams,
        append,
    )
    return [put_tool, append_tool]


def read_outside(data_dir: Path) -> list[dict[str, str]]:
    """Return the effects that reached it."""
    path = data_dir / FILE
    return (
        [json.loads(line) for line in path.read_text().splitlines()]
        if path.is_file()
        else []
    )
