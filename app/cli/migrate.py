"""`atelier migrate`: the tables."""

import typer

from app.backend.core import migrations
from app.cli import output
from app.cli.edge import command, open_rows
from app.cli.options import JsonOption

app = typer.Typer(add_completion=False)


@app.command()
@command
async def migrate(is_json: JsonOption = False) -> None:
    """Bring the tables to the version of this program."""
    async with open_rows(is_new=True) as rows:
        before = await migrations.current_revision(rows.db)
        await migrations.migrate(rows.db)
    after = migrations.newest_revision()
    if is_json:
        output.print_json({"before": before, "after": after})
    else:
        done = "were up to date" if before == after else "are up to date now"
        output.say(f"The tables {done} ({after}).")
