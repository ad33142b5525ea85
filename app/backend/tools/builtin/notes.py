"""Notes of the person who the agent works for."""

from pydantic import Field

from app.backend.core.db import Session
from app.backend.core.effects import Effect
from app.backend.core.texts import Name, Text
from app.backend.tools import notes
from app.backend.tools.base import AnyTool, Params, Tool, ToolContext, ToolResult
from app.backend.tools.errors import NoLedger
from app.backend.tools.schemas import NOTE_LENGTH_MAX

NOTE_NAME = Field(description="Name of the note, such as “shopping list”.")


class PutParams(Params):
    """A whole note."""

    name: Name = NOTE_NAME
    text: Text = Field(
        max_length=NOTE_LENGTH_MAX, description="What the note says from now on."
    )


class AppendParams(Params):
    """A further line."""

    name: Name = NOTE_NAME
    line: Text = Field(min_length=1, max_length=10_000, description="The line to add.")


class ReadParams(Params):
    """Which note."""

    name: Name = NOTE_NAME


async def put(params: PutParams, context: ToolContext) -> ToolResult:
    """Write a note."""
    session, actor = _session(context, "notes_put"), context.run.actor
    await notes.put_note(
        session, actor, name=params.name, text=params.text, effect_key=context.key
    )
    return ToolResult(content=f"The note {params.name!r} is written.")


async def append(params: AppendParams, context: ToolContext) -> ToolResult:
    """Add a line to a note."""
    session, actor = _session(context, "notes_append"), context.run.actor
    note = await notes.append_note(
        session, actor, name=params.name, line=params.line, effect_key=context.key
    )
    lines = note.text.count("\n") + 1
    return ToolResult(content=f"The note {params.name!r} has {lines} lines now.")


async def read(params: ReadParams, context: ToolContext) -> ToolResult:
    """Read a note."""
    async with context.read() as session:
        note = await notes.find_note(session, context.run.actor, name=params.name)
    if note is None:
        return ToolResult(content=f"There is no note {params.name!r} yet.")
    return ToolResult(content=note.text)


def _session(context: ToolContext, name: str) -> Session:
    if context.session is None:
        raise NoLedger(name)
    return context.session


def get_functions() -> list[AnyTool]:
    """Return the tools of this module."""
    return [
        Tool(
            name="notes_read",
            title="Read a note",
            description="Gives back the text of one of the person's notes.",
            about="Reads your notes.",
            effect=Effect.PURE,
            params=ReadParams,
            run=read,
        ),
        Tool(
            name="notes_put",
            title="Write a note",
            description="Writes a note under a name. What the note said before is replaced.",
            about="Writes your notes; what a note said before is replaced.",
            effect=Effect.IDEMPOTENT,
            params=PutParams,
            run=put,
            is_ours=True,
        ),
        Tool(
            name="notes_append",
            title="Add to a note",
            description="Adds one line at the end of a note; a note that is not there is made.",
            about="Adds lines to your notes.",
            effect=Effect.UNSAFE,
            params=AppendParams,
            run=append,
            is_ours=True,
        ),
    ]
