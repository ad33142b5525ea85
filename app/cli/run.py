"""`atelier run`: runs."""

import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import typer

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.errors import Invalid
from app.backend.core.run_events import Level, RunStatus
from app.backend.core.stored_events import RunEvent
from app.backend.identity import service as identity
from app.backend.runs import service as runs
from app.backend.runs import steps
from app.backend.runs.schemas import EventFilter, RunDraft, RunView
from app.backend.runs.steps import RunFork
from app.cli import output, run_lists
from app.cli.answer import answer
from app.cli.edge import Exit, command, open_rows
from app.cli.log_lines import LogPrinter
from app.cli.lookup import find_agent, need_uuid
from app.cli.options import AsOption, JsonOption, TagOption
from app.cli.run_batch import batch
from app.cli.run_tree import tree
from app.cli.running import open_parts

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Runs.")

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Id.")]
FollowOption = Annotated[
    bool, typer.Option("--follow", help="Print events as they come.")
]
WaitOption = Annotated[
    bool, typer.Option("--wait", help="Wait for the end and print the answer.")
]
EVENTS_MAX = 1000
_EXITS = {
    RunStatus.COMPLETED: Exit.DONE,
    RunStatus.STOPPED: Exit.RUN_STOPPED,
    RunStatus.FAILED: Exit.RUN_FAILED,
    RunStatus.TIMED_OUT: Exit.RUN_FAILED,
}


app.command()(answer)


@app.callback()
def _run() -> None:
    """Runs."""


app.command("list")(run_lists.list_all)
app.command("bulk")(run_lists.change)
app.command("tag")(run_lists.tag)
app.command()(batch)
app.command()(tree)


@app.command()
@command
async def start(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="Id or name.")],
    given: Annotated[
        str,
        typer.Option("--input", help='JSON such as {"query": "…"}; - is the input.'),
    ],
    thread: Annotated[
        str | None, typer.Option(help="Id of a conversation to go on with.")
    ] = None,
    tag: TagOption = None,
    is_waiting: WaitOption = False,
    is_following: FollowOption = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Start a run. With --wait or --follow the exit code tells how it ended."""
    draft = RunDraft(
        input=_parse(given),
        thread_id=need_uuid(thread, "conversation") if thread else None,
        trigger="api",
        request_id=None,
        tags=tag or [],
    )
    async with open_parts(as_email) as (parts, actor):
        async with parts.db.read() as session:
            found = await find_agent(session, actor, agent)
        async with parts.db.transaction() as session:
            run = await runs.start_run(
                session,
                actor,
                agent_id=found.id,
                draft=draft,
                parts=parts,
            )
        await _see_through(
            parts,
            actor,
            run.id,
            is_waiting=is_waiting,
            is_following=is_following,
            is_json=is_json,
        )


@app.command()
@command
async def retry(
    run: RunArgument,
    is_waiting: WaitOption = False,
    is_following: FollowOption = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Ask the same again, in a new run."""
    await _begin_again(
        runs.retry_run,
        run,
        as_email,
        is_waiting=is_waiting,
        is_following=is_following,
        is_json=is_json,
    )


@app.command()
@command
async def resume(
    run: RunArgument,
    is_waiting: WaitOption = False,
    is_following: FollowOption = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Go on after the last step of a run that did not complete, in a new run."""
    await _begin_again(
        runs.resume_run,
        run,
        as_email,
        is_waiting=is_waiting,
        is_following=is_following,
        is_json=is_json,
    )


@app.command()
@command
async def fork(
    run: RunArgument,
    step: Annotated[
        int, typer.Option(min=0, help="Go on after this step; 0 is the input.")
    ],
    given: Annotated[
        str | None, typer.Option("--input", help="Another input, as JSON.")
    ] = None,
    instructions: Annotated[
        str | None, typer.Option(help="Other instructions than the agent's.")
    ] = None,
    is_waiting: WaitOption = False,
    is_following: FollowOption = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Go on after any step of a run, in a new run; what comes after it is done again, with all its side effects."""
    other = RunFork(
        step=step,
        input=None if given is None else _parse(given),
        instructions=instructions,
    )
    await _begin_again(
        partial(steps.fork_run, fork=other),
        run,
        as_email,
        is_waiting=is_waiting,
        is_following=is_following,
        is_json=is_json,
    )


@app.command()
@command
async def show(
    run: RunArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Show a run with its answer."""
    async with open_rows() as rows, rows.db.read() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        view = await runs.get_run(session, actor, run_id=need_uuid(run, "run"))
    if is_json:
        output.print_json(view)
        return
    output.print_fields(view.model_dump(exclude={"output", "input"}, exclude_none=True))
    _print_answer(view)


@app.command()
@command
async def events(
    run: RunArgument,
    after: Annotated[int, typer.Option(min=0, help="From the event after this.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=EVENTS_MAX)] = EVENTS_MAX,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only these.")
    ] = None,
    level: Annotated[Level | None, typer.Option(help="From this level on.")] = None,
    text: Annotated[str, typer.Option(help="Text in the event.")] = "",
    is_following: FollowOption = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Print the log of a run; with --json one event a line."""
    run_id = need_uuid(run, "run")
    if is_following:
        async with open_parts(as_email) as (parts, actor):
            async with parts.db.read() as session:
                await runs.get_run(session, actor, run_id=run_id)
            await _follow(parts, run_id, after=after, is_json=is_json)
        return
    wanted = EventFilter(
        after=after, before=None, limit=limit, types=types or [], level=level, text=text
    )
    async with open_rows() as rows, rows.db.read() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        page = await runs.list_events(session, actor, run_id=run_id, filter=wanted)
    _print_events(page.items, LogPrinter(), is_json=is_json)
    if page.has_more:
        output.note(f"There are more: --after {page.items[-1].seq}")


@app.command()
@command
async def stop(
    run: RunArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Stop a run; one that has ended stays as it is."""
    async with open_parts(as_email) as (parts, actor):
        async with parts.db.transaction() as session:
            view = await runs.stop_run(
                session, actor, run_id=need_uuid(run, "run"), parts=parts
            )
        if not view.status.is_terminal:
            await _wait(parts, view.id)
            view = await _get(parts, actor, view.id)
    if is_json:
        output.print_json(view)
    else:
        output.say(f"{view.id} is {view.status}.")


async def _get(parts: Services, actor: Actor, run_id: UUID) -> RunView:
    async with parts.db.read() as session:
        return await runs.get_run(session, actor, run_id=run_id)


async def _begin_again(
    start: Callable[..., Awaitable[RunView]],
    run: str,
    as_email: str | None,
    **shown: bool,
) -> None:
    async with open_parts(as_email) as (parts, actor):
        async with parts.db.transaction() as session:
            again = await start(
                session,
                actor,
                run_id=need_uuid(run, "run"),
                parts=parts,
            )
        await _see_through(parts, actor, again.id, **shown)


async def _see_through(
    parts: Services,
    actor: Actor,
    run_id: UUID,
    *,
    is_waiting: bool,
    is_following: bool,
    is_json: bool,
) -> None:
    if is_following:
        await _follow(parts, run_id, after=0, is_json=is_json)
    elif is_waiting:
        await _wait(parts, run_id)
    run = await _get(parts, actor, run_id)
    _print_started(run, is_json=is_json, is_shown=is_following)
    if run.status.is_terminal:
        raise typer.Exit(_EXITS[run.status])


async def _wait(parts: Services, run_id: UUID) -> None:
    async with aclosing(parts.feed.follow(run_id)) as batches:
        async for _ in batches:
            pass


async def _follow(parts: Services, run_id: UUID, *, after: int, is_json: bool) -> None:
    printer = LogPrinter()
    async with aclosing(parts.feed.follow(run_id, after)) as batches:
        async for batch in batches:
            _print_events(batch, printer, is_json=is_json)


def _print_events(batch: list[RunEvent], printer: LogPrinter, *, is_json: bool) -> None:
    for event in batch:
        if is_json:
            output.print_json_line(event)
        else:
            printer.print(event)


def _print_started(run: RunView, *, is_json: bool, is_shown: bool) -> None:
    if is_json and is_shown:
        output.print_json_line(run)
    elif is_json:
        output.print_json(run)
    elif not run.status.is_terminal:
        output.say(f"Started {run.id}.")
    elif is_shown:
        _print_sources(run)
    else:
        _print_answer(run)
    if run.error and not is_shown:
        output.note(run.error)


def _print_answer(run: RunView) -> None:
    if run.output is None:
        return
    output.say(run.output.answer)
    _print_sources(run)
    if run.output.caveat:
        output.note(run.output.caveat)


def _print_sources(run: RunView) -> None:
    if run.output is None:
        return
    for citation in run.output.citations:
        page = f", page {citation.page}" if citation.page else ""
        output.say(f"[{citation.n}] {citation.document_name}{page}")


def _parse(text: str) -> dict[str, Any]:
    try:
        found = json.loads(sys.stdin.read() if text == "-" else text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        message = 'The input must be a JSON object, such as {"query": "…"}.'
        raise Invalid.field("input", message)
    return found
