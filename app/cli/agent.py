"""`atelier agent`: agents."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from app.backend import bootstrap
from app.backend.agents import service as agents
from app.backend.agents.schemas import AgentDraft, AgentView, Concurrency
from app.backend.core.errors import Invalid
from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.identity import service as identity
from app.backend.identity.sharing_schemas import Shown
from app.backend.models import service as models
from app.backend.runs import service as runs
from app.cli import output
from app.cli.edge import command, open_rows, read
from app.cli.lookup import find_agent
from app.cli.options import AgentArgument, AsOption, JsonOption

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Agents.")


@app.callback()
def _agent() -> None:
    """Agents."""


@app.command("list")
@command
async def list_all(
    text: Annotated[str, typer.Option(help="Text in name or description.")] = "",
    shown: Annotated[
        Shown, typer.Option(help="Whose: your own, shared with you, or public.")
    ] = Shown.MINE,
    is_archived: Annotated[
        bool, typer.Option("--archived", help="The archived ones instead.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=PAGE_SIZE_MAX)] = PAGE_SIZE_MAX,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """List agents, newest first."""
    async with read(as_email) as (session, actor):
        page = await agents.list_agents(
            session,
            actor,
            shown=shown,
            text=text,
            is_archived=is_archived,
            limit=limit,
        )
        found = await runs.with_last_run(session, actor, page.items)
    if is_json:
        output.print_json({"items": found, "next_cursor": page.next_cursor})
        return
    output.print_table(
        ("id", "name", "model", "last run", "at"),
        [(a.id, a.name, a.model, a.last_run_status, a.last_run_at) for a in found],
    )


@app.command()
@command
async def show(
    agent: AgentArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Show an agent."""
    async with read(as_email) as (session, actor):
        view = await find_agent(session, actor, agent)
        view = (await runs.with_last_run(session, actor, [view]))[0]
    _print(view, is_json=is_json)


@app.command()
@command
async def create(
    name: Annotated[str | None, typer.Option(help="Name.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    instructions: Annotated[
        str | None, typer.Option(help="System prompt; may hold {today} and others.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="provider/model.")] = None,
    fallbacks: Annotated[
        list[str] | None,
        typer.Option(
            "--fallback", help="Model to ask when the one before does not answer."
        ),
    ] = None,
    temperature: Annotated[float | None, typer.Option(min=0, max=2)] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1)] = None,
    passages: Annotated[
        int | None, typer.Option(min=1, max=20, help="Passages to retrieve.")
    ] = None,
    concurrency: Annotated[
        Concurrency | None,
        typer.Option(
            help="What a question does to the one before it in its conversation."
        ),
    ] = None,
    steps_max: Annotated[int | None, typer.Option(min=1)] = None,
    seconds_max: Annotated[int | None, typer.Option(min=1)] = None,
    tokens_max: Annotated[int | None, typer.Option(min=1)] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="JSON with the fields of an agent; - is the input."),
    ] = None,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Make an agent from options, from a JSON file, or from both: options win."""
    options = {
        "name": name,
        "description": description,
        "instructions": instructions,
        "model": model,
        "fallbacks": fallbacks or None,
        "temperature": temperature,
        "max_tokens": max_tokens,
        "passages": passages,
        "concurrency": concurrency,
        "steps_max": steps_max,
        "seconds_max": seconds_max,
        "tokens_max": tokens_max,
    }
    given = {key: value for key, value in options.items() if value is not None}
    draft = AgentDraft.model_validate({**_read(file), **given})
    async with open_rows() as rows, rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        default = await models.default_of_new(session, actor, settings=rows.settings)
        view = await agents.create_agent(
            session,
            actor,
            draft=draft,
            keyring=rows.keyring,
            default_model=default,
            tools=bootstrap.tool_names(rows.settings),
        )
    _print(view, is_json=is_json)


@app.command()
@command
async def delete(
    agent: AgentArgument,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Delete an agent for good; its runs stay."""
    async with open_rows() as rows:
        async with rows.db.read() as session:
            actor = await identity.find_actor_by_email(session, as_email)
            view = await find_agent(session, actor, agent)
        if not is_sure and sys.stdin.isatty():
            typer.confirm(f"Delete the agent {view.name!r} for good?", abort=True)
        async with rows.db.transaction() as session:
            await agents.delete_agent(session, actor, agent_id=view.id)
    output.tell({"deleted": str(view.id)}, f"Deleted {view.name!r}.", is_json=is_json)


def _print(view: AgentView, *, is_json: bool) -> None:
    if is_json:
        output.print_json(view)
    else:
        output.print_fields(view.model_dump(exclude_none=True))


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
        found = json.loads(text)
    except (OSError, ValueError) as error:
        message = f"{str(file)!r} cannot be read as JSON: {error}."
        raise Invalid.field("file", message) from None
    if not isinstance(found, dict):
        message = f"{str(file)!r} must hold a JSON object with the fields of an agent."
        raise Invalid.field("file", message)
    return found
