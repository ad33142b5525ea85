"""`atelier checkpoints`: the steps of runs, as they are stored."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from app.backend.agents.checkpoints import Checkpoints
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import Forbidden
from app.backend.identity import service as identity
from app.backend.runs import steps
from app.backend.runs.retention import Retention
from app.backend.system import service as system
from app.cli import output
from app.cli.edge import command, open_rows
from app.cli.lookup import need_uuid
from app.cli.options import AsOption, JsonOption

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Steps of runs.")


@app.callback()
def _checkpoints() -> None:
    """Steps of runs."""


@app.command("list")
@command
async def list_all(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id.")],
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """List the steps of a run; `atelier run fork` begins after one of them."""
    async with open_rows() as rows, rows.db.read() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        run_id = need_uuid(run, "run")
        found = await steps.list_steps(session, actor, run_id=run_id)
    if is_json:
        output.print_json(found)
        return
    output.print_table(
        ("step", "node", "next", "stored"),
        [
            (one.step, one.node or "(input)", one.next_node, one.at)
            for one in found.items
        ],
    )


@app.command()
@command
async def show(as_email: AsOption = None, is_json: JsonOption = False) -> None:
    """Show where checkpoints are kept, and how much room they take."""
    async with _open_retention(as_email, Permission.VIEW_SYSTEM) as (_, retention):
        found = await retention.measure()
    if is_json:
        output.print_json(found)
    else:
        output.print_fields(found.model_dump())


@app.command()
@command
async def prune(
    is_dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be deleted.")
    ] = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Delete the steps that nobody needs any more, as the scheduler does every hour."""
    async with _open_retention(as_email, Permission.CHANGE_SYSTEM) as opened:
        actor, retention = opened
        if is_dry_run:
            found = await retention.prune(is_dry_run=True)
        else:
            found = await system.prune_checkpoints(actor, retention=retention)
    if is_json:
        output.print_json(found)
        return
    verb = "Would delete" if found.is_dry_run else "Deleted"
    size = f"about {found.bytes / 1e6:.1f} MB"
    output.say(f"{verb} {found.words}, {size}.")


@asynccontextmanager
async def _open_retention(
    as_email: str | None, permission: Permission
) -> AsyncGenerator[tuple[Actor, Retention], None]:
    async with open_rows() as rows:
        async with rows.db.read() as session:
            actor = await identity.find_actor_by_email(session, as_email)
        if not actor.may(permission):
            message = "Only an administrator may do this."
            raise Forbidden(message)
        checkpoints = Checkpoints(rows.settings)
        try:
            yield actor, Retention(rows.db, checkpoints, rows.settings)
        finally:
            await checkpoints.close()
