"""`atelier run list`, `run bulk` and `run tag`: many runs at once."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from app.backend.core.paging import PAGE_SIZE, PAGE_SIZE_MAX
from app.backend.core.run_events import RunStatus
from app.backend.runs import bulk, tags
from app.backend.runs import service as runs
from app.backend.runs.schemas import BulkAction, RunFilter, RunTags
from app.cli import output
from app.cli.edge import Exit, command, read, work
from app.cli.lookup import find_agent, need_uuid
from app.cli.options import AsOption, JsonOption, TagOption
from app.cli.running import open_parts

MomentOption = Annotated[
    datetime | None,
    typer.Option(help="A day or a moment of this machine's time, 2026-11-29T08:00:00."),
]


@command
async def list_all(
    agent: Annotated[str | None, typer.Option(help="Id or name of an agent.")] = None,
    status: Annotated[list[RunStatus] | None, typer.Option(help="Only these.")] = None,
    trigger: Annotated[
        str, typer.Option(help="Only those started so, such as api.")
    ] = "",
    since: MomentOption = None,
    until: MomentOption = None,
    text: Annotated[
        str, typer.Option(help="Words of the question or error, or how they begin.")
    ] = "",
    tag: TagOption = None,
    is_dead: Annotated[
        bool, typer.Option("--dead", help="Only those that lost too many workers.")
    ] = False,
    cursor: Annotated[
        str | None, typer.Option(help="next_cursor of the page before.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=PAGE_SIZE_MAX)] = PAGE_SIZE,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """List runs, newest first."""
    async with read(as_email) as (session, actor):
        found = await find_agent(session, actor, agent) if agent else None
        wanted = RunFilter(
            agent_id=found.id if found else None,
            statuses=status or [],
            trigger=trigger,
            since=_aware(since),
            until=_aware(until),
            text=text,
            tags=tag or [],
            is_dead=is_dead,
        )
        page = await runs.list_runs(
            session, actor, wanted=wanted, cursor=cursor, limit=limit
        )
    if is_json:
        output.print_json(page)
        return
    output.print_table(
        ("id", "agent", "status", "created", "question", "tags"),
        [
            (
                *(run.id, run.agent_name, run.status, run.created_at),
                _short(run.input.get("query")),
                ", ".join(run.tags),
            )
            for run in page.items
        ],
    )
    if page.next_cursor:
        output.note(f"There are more: --cursor {page.next_cursor}")


@command
async def change(
    action: Annotated[BulkAction, typer.Argument(help="What to do.")],
    run: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids.")],
    is_sure: Annotated[
        bool, typer.Option("--yes", help="Delete without asking.")
    ] = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Stop, retry, requeue or delete runs; requeue goes on after the last kept step, or begins anew."""
    run_ids = [need_uuid(each, "run") for each in run]
    if action is BulkAction.DELETE and not is_sure:
        runs_words = (
            "1 run with its log"
            if len(run_ids) == 1
            else f"{len(run_ids)} runs with their logs"
        )
        question = f"Delete {runs_words}? This cannot be undone."
        typer.confirm(question, abort=True, err=True)
    async with (
        open_parts(as_email) as (parts, actor),
        parts.db.transaction() as session,
    ):
        found = await bulk.change_runs(
            session, actor, action=action, run_ids=run_ids, parts=parts
        )
    if is_json:
        output.print_json(found)
    else:
        for outcome in found:
            became = outcome.new_run_id or ("done" if outcome.is_done else "")
            output.say(f"{outcome.run_id}: {became or outcome.message}")
    if not all(outcome.is_done for outcome in found):
        raise typer.Exit(Exit.FAILED)


@command
async def tag(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id.")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[TAG]...", help="All its tags.")
    ] = None,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Give a run exactly these tags, or none."""
    wanted = RunTags(tags=words or []).tags
    async with work(as_email) as (session, actor):
        view = await tags.set_tags(
            session, actor, run_id=need_uuid(run, "run"), tags=wanted
        )
    output.tell(
        view, f"{view.id}: {', '.join(view.tags) or 'no tags'}", is_json=is_json
    )


def _aware(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    try:
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        # So near to the first year or the last that another time zone has no such moment.
        return moment.replace(tzinfo=UTC)


def _short(query: object) -> str:
    line = " ".join(str(query or "").split())
    return line if len(line) <= 60 else f"{line[:59]}…"
