"""`atelier models local`: the model files on this machine."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.backend.core.settings import Settings
from app.backend.models import local
from app.backend.models.local import LocalView
from app.backend.models.local_trial import try_out
from app.backend.models.shelf import BeingMeasured
from app.cli import claims, output
from app.cli.edge import command
from app.cli.options import JsonOption

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Model files on this machine, one of which the runtime loads at a time.",
)
NameArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="Its name, as local/name.")
]


@app.callback()
def _local() -> None:
    """Model files on this machine."""


@app.command("list")
@command
async def list_local(is_json: JsonOption = False) -> None:
    """List the model files, with how fast they are here, or why one cannot be loaded."""
    _print(local.list_local(claims.load_settings()), is_json=is_json)


@app.command()
@command
async def add(
    source: Annotated[str, typer.Argument(help="Path or URL of a GGUF file.")],
    sha256: Annotated[
        str, typer.Option(help="Hash that the file must have; needed for a URL.")
    ] = "",
    licence: Annotated[
        str, typer.Option(help="Under which it may be used, if the file does not say.")
    ] = "",
    is_measured: Annotated[
        bool, typer.Option("--measure/--no-measure", help="Load it once.")
    ] = True,
    is_json: JsonOption = False,
) -> None:
    """Add a model file by its path, or fetch it by its URL; then load it once and measure how fast it is."""
    settings = claims.load_settings()
    shelf = local.open_shelf(settings)
    if "://" in source:
        file = await asyncio.to_thread(
            shelf.fetch, source, sha256=sha256, licence=licence, report=_Progress()
        )
    else:
        file = await asyncio.to_thread(
            shelf.add_path, Path(source), sha256=sha256, licence=licence
        )
    if is_measured:
        try:
            await try_out(settings, file.name)
        except BeingMeasured as error:
            output.note(error.message)
    _print_one(settings, file.name, is_json=is_json)


@app.command()
@command
async def measure(name: NameArgument, is_json: JsonOption = False) -> None:
    """Load a model and measure how fast it answers here; stop what is busy first."""
    settings = claims.load_settings()
    await try_out(settings, name)
    _print_one(settings, name, is_json=is_json)


@app.command()
@command
async def delete(name: NameArgument, is_json: JsonOption = False) -> None:
    """Take a model out; a file that was fetched is deleted, one that was added by its path stays."""
    file = local.open_shelf(claims.load_settings()).delete(name)
    if is_json:
        output.print_json({"deleted": f"local/{file.name}"})
    else:
        output.say(f"local/{file.name} is taken out.")


class _Progress:
    """Says how much is there, at each tenth."""

    def __init__(self) -> None:
        self._told = 0

    def __call__(self, completed: int, total: int) -> None:
        percent = 100 * completed // total if total else 0
        if percent >= self._told + 10:
            self._told = percent
            output.note(f"{percent} % of {total / 1e6:.0f} MB")


def _print_one(settings: Settings, name: str, *, is_json: bool) -> None:
    wanted = f"local/{name.removeprefix('local/')}"
    views = [one for one in local.list_local(settings) if one.name == wanted]
    _print(views, is_json=is_json)


def _print(views: list[LocalView], *, is_json: bool) -> None:
    if is_json:
        output.print_json(views)
        return
    output.print_table(
        ("Model", "Size", "Kind", "Licence", "Speed", "From"),
        [
            (
                view.name,
                f"{view.size / 1e6:,.0f} MB",
                view.architecture,
                view.licence,
                f"{view.tokens_per_second:g} tokens/s"
                if view.tokens_per_second
                else "",
                view.reason or view.source or "added by its path",
            )
            for view in views
        ],
    )
