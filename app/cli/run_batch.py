"""`atelier run batch`: many runs from a file."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.backend.core.errors import Invalid
from app.backend.runs import batch as batches
from app.backend.runs.schemas import RunDraft
from app.cli import output
from app.cli.edge import command
from app.cli.lookup import find_agent
from app.cli.options import AsOption, JsonOption, TagOption
from app.cli.running import open_parts


@command
async def batch(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="Id or name.")],
    file: Annotated[
        Path,
        typer.Argument(help='Lines such as {"query": "…"}; - is the input.'),
    ],
    tag: TagOption = None,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Start a run for each line, each in a conversation of its own; all of them or none."""
    drafts = [
        RunDraft(input=_parse(line, number), trigger="api", tags=tag or [])
        for number, line in enumerate(_read(file).splitlines(), start=1)
        if line.strip()
    ]
    if not 0 < len(drafts) <= batches.BATCH_MAX:
        message = f"The file has {len(drafts):,} questions; from 1 to {batches.BATCH_MAX:,} are possible."
        raise Invalid.field("runs", message)
    async with open_parts(as_email) as (parts, actor):
        async with parts.db.read() as session:
            found = await find_agent(session, actor, agent)
        async with parts.db.transaction() as session:
            runs = await batches.start_runs(
                session, actor, agent_id=found.id, drafts=drafts, parts=parts
            )
    if is_json:
        output.print_json(runs)
        return
    for run in runs:
        output.say(str(run.id))


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeError) as error:
        message = f"{str(file)!r} cannot be read: {error}."
        raise Invalid.field("file", message) from None


def _parse(line: str, number: int) -> dict[str, object]:
    try:
        return json.loads(line)
    except ValueError as error:
        message = f"Line {number} is not JSON: {error}."
        raise Invalid.field("runs", message) from None
