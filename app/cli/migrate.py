"""`atelier migrate`: the tables."""

import typer

from app.backend.core import migrations
from app.cli import claims, output
from app.cli.edge import command
from app.cli.options import JsonOption

app = typer.Typer(add_completion=False)


@app.command()
@command
async def migrate(is_json: JsonOption = False) -> None:
    """Bring the tables to the version of this program."""
    settings = claims.load_settings()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = await migrations.migrate_installation(settings)
    after = migrations.newest_revision()
    if is_json:
        output.print_json({"before": before, "after": after})
    else:
        done = "were up to date" if before == after else "are up to date now"
        output.say(f"The tables {done} ({after}).")
