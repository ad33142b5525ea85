"""`atelier audit`: what was done on the installation."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.identity import audit_log
from app.backend.identity import service as identity
from app.backend.identity.audit import Action
from app.backend.identity.audit_log import AuditFilter
from app.cli import output
from app.cli.edge import command, open_rows
from app.cli.options import AsOption, JsonOption

app = typer.Typer(add_completion=False)

_When = Annotated[datetime | None, typer.Option(help="Day or time, in UTC.")]


@app.command()
@command
async def audit(
    user: Annotated[str, typer.Option(help="Part of who did it.")] = "",
    action: Annotated[Action | None, typer.Option(help="What was done.")] = None,
    since: _When = None,
    until: _When = None,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Print what was done, newest first: the last 200 in words, or with --json all as JSON lines."""
    wanted = AuditFilter(
        email=user,
        action=action,
        since=since.replace(tzinfo=UTC) if since else None,
        until=until.replace(tzinfo=UTC) if until else None,
    )
    async with open_rows() as rows:
        async with rows.db.read() as session:
            actor = await identity.find_actor_by_email(session, as_email)
        if is_json:
            async for line in audit_log.export_audit(rows.db, actor, wanted=wanted):
                typer.echo(line, nl=False)
            return
        async with rows.db.read() as session:
            page = await audit_log.list_audit(
                session, actor, wanted=wanted, limit=PAGE_SIZE_MAX
            )
    lines = [
        (f"{one.created_at:%Y-%m-%d %H:%M:%S}", one.email, one.action, one.address)
        for one in page.items
    ]
    output.print_table(("when (UTC)", "who", "what", "from"), lines)
