"""`atelier version`."""

from importlib import metadata

import typer

from app.cli import output
from app.cli.options import JsonOption

app = typer.Typer(add_completion=False)


@app.command()
def version(is_json: JsonOption = False) -> None:
    """Print the version of this program."""
    number = metadata.version("atelier")
    if is_json:
        output.print_json({"name": "atelier", "version": number})
    else:
        output.say(f"atelier {number}")
