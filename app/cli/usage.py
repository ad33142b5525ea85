"""`atelier usage`: what calls of models took, and what they cost."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer

from app.backend.core import clock
from app.backend.identity import service as identity
from app.backend.usage import service as usage
from app.backend.usage.schemas import UsageGroup, UsageLine, UsageWish
from app.backend.usage.words import cost_words
from app.cli import output
from app.cli.edge import command, open_rows
from app.cli.lookup import find_agent
from app.cli.options import AsOption, JsonOption

app = typer.Typer(add_completion=False)
_DAYS = timedelta(days=29)
DayOption = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day, in UTC.")
]


@app.command()
@command
async def show(
    by: Annotated[
        UsageGroup, typer.Option(help="What to add up by.")
    ] = UsageGroup.MODEL,
    since: DayOption = None,
    until: DayOption = None,
    agent: Annotated[str | None, typer.Option(help="Id or name of an agent.")] = None,
    model: Annotated[str, typer.Option(help="Only of this model.")] = "",
    provider: Annotated[str, typer.Option(help="Only of this provider.")] = "",
    is_everyone: Annotated[
        bool, typer.Option("--everyone", help="Of all users; for administrators.")
    ] = False,
    is_csv: Annotated[
        bool, typer.Option("--csv", help="Print each call as a line of CSV.")
    ] = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Print what calls of models took and cost, of the last 30 days unless days are named."""
    last = _day(until) or clock.now().date()
    async with open_rows() as rows:
        async with rows.db.read() as session:
            actor = await identity.find_actor_by_email(session, as_email)
            found = await find_agent(session, actor, agent) if agent else None
            wish = UsageWish(
                since=_day(since) or last - _DAYS,
                until=last,
                agent_id=found.id if found else None,
                model=model,
                provider=provider,
                is_everyone=is_everyone,
            )
            report = await usage.report_usage(session, actor, wish=wish, group_by=by)
        if is_csv:
            async for text in usage.export_usage(rows.db, actor, wish=wish):
                typer.echo(text, nl=False)
            return
    if is_json:
        output.print_json(report)
        return
    total = UsageLine(key="", name="all", **report.total.model_dump(include=_SUMS))
    output.print_table(
        (by, "calls", "failed", "cached", "in", "out", "cost", "p50 ms", "p95 ms"),
        [_cells(line) for line in (*report.items, total)],
    )


_SUMS = set(UsageLine.model_fields) - {"key", "name"}


def _cells(line: UsageLine) -> tuple[object, ...]:
    return (
        line.name or "(deleted)",
        *(line.calls, line.failed, line.from_cache),
        *(f"{line.tokens_in:,}", f"{line.tokens_out:,}"),
        cost_words(line),
        *(round(line.p50), round(line.p95)),
    )


def _day(moment: datetime | None) -> date | None:
    return moment.replace(tzinfo=UTC).date() if moment else None
