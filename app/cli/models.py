"""`atelier models`: the default model files, and what agents can use."""

import asyncio

import typer

from app.backend.core import crypto
from app.backend.models import files, local
from app.backend.models.catalog import make_catalog
from app.cli import claims, output
from app.cli.edge import command
from app.cli.options import JsonOption

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Language models and their files."
)


@app.callback()
def _models() -> None:
    """Language models and their files."""


@app.command()
@command
async def fetch(is_json: JsonOption = False) -> None:
    """Fetch the default model files that are missing, and check all of them."""
    settings = claims.load_settings()
    wanted = local.needed_files(settings)
    folder = settings.models_dir
    await asyncio.to_thread(
        files.ensure_default_models, folder, output.note, wanted=wanted
    )
    for file in wanted:
        await asyncio.to_thread(files.check_intact, file, folder)
    if is_json:
        found = [{"name": file.name, "path": str(file.path(folder))} for file in wanted]
        output.print_json(found)
        return
    output.print_table(
        ("File", "Size", "Kept as"),
        [
            (file.name, f"{file.size / 1e6:.1f} MB", file.path(folder))
            for file in wanted
        ],
    )


@app.command("list")
@command
async def list_models(is_json: JsonOption = False) -> None:
    """List the models that an agent can name."""
    settings = claims.load_settings()
    token = crypto.load_keyring(settings).token("runtime")
    catalog = make_catalog(settings, runtime_token=token)
    try:
        views = await catalog.list()
    finally:
        await catalog.close()
    if is_json:
        output.print_json(views)
        return
    output.print_table(
        ("Model", "Window", "Note"),
        [(view.name, view.context_window, view.note) for view in views],
    )
