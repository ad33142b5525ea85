"""`atelier system`: what every part of the installation does, and what can be done about it."""

from datetime import datetime
from typing import Annotated

import typer

from app.backend.core import clock
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import Forbidden, Invalid
from app.backend.system import service as system
from app.backend.system.schemas import SystemView
from app.cli import output
from app.cli.edge import command
from app.cli.lookup import need_uuid
from app.cli.options import AsOption, JsonOption
from app.cli.running import open_parts

app = typer.Typer(add_completion=False, help="The installation.")


@app.callback(invoke_without_command=True)
def show(
    context: typer.Context, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Show workers, queues, dead letters, the scheduler, what is stored, and versions."""
    if context.invoked_subcommand is None:
        _show(as_email=as_email, is_json=is_json)


@app.command()
@command
async def requeue(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="Id.")] = None,
    is_all: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Let a run that lost its workers go on, or all of them with --all."""
    if (run is None) is not is_all:
        raise Invalid.field("run", "Name a run, or say --all.")
    async with open_parts(as_email) as (parts, actor):
        _check(actor, Permission.CHANGE_SYSTEM)
        async with parts.db.transaction() as session:
            if run is None:
                done, refused = await system.requeue_all_dead(
                    session,
                    actor,
                    parts=parts,
                )
            else:
                wanted = need_uuid(run, "run")
                await system.requeue_dead(
                    session,
                    actor,
                    run_id=wanted,
                    parts=parts,
                )
                done, refused = 1, []
    if is_json:
        output.print_json({"requeued": done, "refused": refused})
        return
    output.say(f"{done} {'run goes' if done == 1 else 'runs go'} on.")
    for reason in refused:
        output.note(reason)


@command
async def _show(*, as_email: str | None, is_json: bool) -> None:
    async with open_parts(as_email) as (parts, actor):
        _check(actor, Permission.VIEW_INSTALLATION)
        view = await parts.watch.look(parts, actor)
    if is_json:
        output.print_json(view)
    else:
        _print(view)


def _print(view: SystemView) -> None:
    for part in view.away:
        output.note(f"{part} does not answer, so some of this is missing.")
    scheduler = view.scheduler
    output.print_fields(
        {
            "version": f"{view.version}, Python {view.python}, {view.database}",
            "tables": f"{view.revision} (newest {view.newest_revision})",
            "scheduler": f"{scheduler.host}:{scheduler.pid}, active for {_ago(scheduler.since)}"
            if scheduler
            else "none",
            "dead letters": view.dead_letters.total,
        }
    )
    output.print_table(
        ["worker", "processes", "jobs now"],
        [[one.name, len(one.horses), one.busy] for one in view.workers],
    )
    output.print_table(
        ["queue", "waiting", "oldest", "failed"],
        [
            [one.name, one.length, _ago(one.oldest_at), one.failed]
            for one in view.queues
        ],
    )
    if view.storage is None:
        output.note("What is stored could not be measured in a second.")
    else:
        output.print_table(
            ["table", "rows, about", "MB"],
            [
                [one.name, one.rows, _megabytes(one.bytes)]
                for one in view.storage.tables
            ],
        )


def _ago(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return f"{(clock.now() - moment).total_seconds():.0f} s"


def _megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:.1f}"


def _check(actor: Actor, permission: Permission) -> None:
    if not actor.may(permission):
        message = "Only administrators may see and change the installation. Name one with --as."
        raise Forbidden(message)
