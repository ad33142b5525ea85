"""`atelier audit`: what was done on the installation, and whether that was changed afterwards."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from app.backend.core.actor import Actor
from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.identity import audit_chain, audit_log
from app.backend.identity import service as identity
from app.backend.identity.audit import Action
from app.backend.identity.audit_chain import AuditCheck
from app.backend.identity.audit_log import AuditFilter
from app.cli import output
from app.cli.edge import Exit, Rows, command, open_rows
from app.cli.options import AsOption, JsonOption

app = typer.Typer(add_completion=False, invoke_without_command=True)

_When = Annotated[datetime | None, typer.Option(help="Day or time, in UTC.")]


@app.callback()
@command
async def audit(
    context: typer.Context,
    user: Annotated[str, typer.Option(help="Part of who did it.")] = "",
    action: Annotated[Action | None, typer.Option(help="What was done.")] = None,
    on: Annotated[
        str, typer.Option("--object", help="Id or kind of what it was done on.")
    ] = "",
    result: Annotated[
        Literal["done", "refused"] | None, typer.Option(help="How it ended.")
    ] = None,
    since: _When = None,
    until: _When = None,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Print what was done, newest first: the last 200 in words, or with --json all as JSON lines."""
    if context.invoked_subcommand is not None:
        return
    wanted = AuditFilter(
        email=user,
        action=action,
        object=on,
        result=result,
        since=since.replace(tzinfo=UTC) if since else None,
        until=until.replace(tzinfo=UTC) if until else None,
    )
    async with open_rows() as rows:
        actor = await _find_actor(rows, as_email)
        if is_json:
            async for line in audit_log.export_audit(rows.db, actor, wanted=wanted):
                typer.echo(line, nl=False)
            return
        async with rows.db.read() as session:
            page = await audit_log.list_audit(
                session, actor, wanted=wanted, limit=PAGE_SIZE_MAX
            )
    lines = [
        (
            f"{one.created_at:%Y-%m-%d %H:%M:%S}",
            one.email,
            one.action,
            one.result,
            one.address,
        )
        for one in page.items
    ]
    output.print_table(("when (UTC)", "who", "what", "result", "from"), lines)


@app.command()
@command
async def verify(as_email: AsOption = None, is_json: JsonOption = False) -> None:
    """Tell whether every row is as it was written; the exit code is 0 then, and 1 when not."""
    async with open_rows() as rows:
        actor = await _find_actor(rows, as_email)
        check = await audit_chain.verify(rows.db, actor, rows.keyring)
    output.tell(check, _in_words(check), is_json=is_json)
    if not check.is_whole:
        raise typer.Exit(Exit.FAILED)


async def _find_actor(rows: Rows, as_email: str | None) -> Actor:
    async with rows.db.read() as session:
        return await identity.find_actor_by_email(session, as_email)


def _in_words(check: AuditCheck) -> str:
    if not check.is_whole:
        where = (
            f"Row {check.wrong_number} ({check.wrong_id}): " if check.wrong_id else ""
        )
        return f"The audit was changed. {where}{check.reason}"
    text = f"Rows {check.first_number} to {check.last_number} are as they were written; {check.waiting} wait for their place."
    return f"{text} The last hash is {check.last_hash or 'none'}."
